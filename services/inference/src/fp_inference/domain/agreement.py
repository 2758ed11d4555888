"""How far two versions' answers to one request agree: pure, and bounded whatever the size of the tensors."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from fp_kernel.tensors import FLOATS, ElementType, Tensor

# Comparing more would take the event loop's time.
MOST_OUTPUTS: Final = 16
MOST_ELEMENTS: Final = 4_096
_LONGEST_TEXT: Final = 256


@dataclass(frozen=True, slots=True)
class Agreement:
    """labels: elements that are no floats, and how many of them are equal. numbers: floats, and their absolute
    differences in all. unlike: outputs that one of both lacks or has in another type or shape, and floats of which only
    one is finite.
    """

    labels: int = 0
    agreed: int = 0
    numbers: int = 0
    difference: float = 0.0
    unlike: int = 0

    def plus(self, other: "Agreement") -> "Agreement":
        return Agreement(
            self.labels + other.labels,
            self.agreed + other.agreed,
            self.numbers + other.numbers,
            self.difference + other.difference,
            self.unlike + other.unlike,
        )


def compare(served: Mapping[str, Tensor], shadow: Mapping[str, Tensor]) -> Agreement:
    """The first elements of the first outputs by name. served: of the version that answered."""
    found = Agreement(unlike=len(shadow.keys() - served.keys()))
    for name in sorted(served)[:MOST_OUTPUTS]:
        found = found.plus(_compare(served[name], shadow.get(name)))
    return found


def _compare(served: Tensor, shadow: Tensor | None) -> Agreement:
    if shadow is None or shadow.shape != served.shape or (served.element in FLOATS) != (shadow.element in FLOATS):
        return Agreement(unlike=1)
    if (served.element is ElementType.STRING) != (shadow.element is ElementType.STRING):
        return Agreement(unlike=1)
    count = min(served.count, MOST_ELEMENTS)
    if served.element is ElementType.STRING:
        texts = (tensor.texts(range(count), _LONGEST_TEXT) for tensor in (served, shadow))
        return Agreement(labels=count, agreed=sum(map(str.__eq__, *texts)))
    pairs = list(zip(served.numbers(count), shadow.numbers(count), strict=True))
    if served.element not in FLOATS:
        return Agreement(labels=count, agreed=sum(one == other for one, other in pairs))
    # Equal covers infinities of one sign; two that are no number say the same.
    differences = [
        0.0 if one == other or (math.isnan(one) and math.isnan(other)) else abs(one - other) for one, other in pairs
    ]
    finite = [each for each in differences if math.isfinite(each)]
    return Agreement(numbers=len(finite), difference=sum(finite), unlike=len(differences) - len(finite))
