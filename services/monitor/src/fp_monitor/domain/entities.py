"""Whom a logged prediction is about, as far as its inputs say so: a customer, a patient, a flight."""

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256

from fp_kernel import invalid
from fp_kernel.packing import shortest
from fp_kernel.tensors import ElementType, Tensor

from fp_monitor.domain.log import LoggedTensor

MAX_VALUE = 256

# Whether a prediction is about somebody, by its inputs and what of it is masked.
Concerns = Callable[[Mapping[str, LoggedTensor], Collection[str]], bool]


@dataclass(frozen=True, slots=True)
class ErasedEntity:
    """Predictions with this value are erased. name: of the input tensor, or of a column of a packed one.

    digest: of the value, which is somebody's and need not be stored for that. number: later erasures have higher ones.
    """

    name: str
    digest: bytes
    number: int = 0


def erased_entity(name: str, value: str) -> ErasedEntity:
    """Raises InvalidArgument naming the field."""
    if not 1 <= len(name.encode()) <= MAX_VALUE or "\0" in name:
        raise invalid("entity.name", f"must be 1 to {MAX_VALUE} bytes")
    if not 1 <= len(value.encode()) <= MAX_VALUE or "\0" in value:
        raise invalid("entity.value", f"must be 1 to {MAX_VALUE} bytes")
    return ErasedEntity(name, _digest(name, value))


def concerns(inputs: Mapping[str, LoggedTensor], masked: Collection[str], erased: Collection[ErasedEntity]) -> bool:
    """Whether one of these is in one of the rows. masked: names of what was left out, for which zeros stand."""
    wanted = {each.name for each in erased}.difference(masked)
    digests = {each.digest for each in erased}
    return any(_digest(name, value) in digests for name, value in _values(inputs, wanted))


def _values(inputs: Mapping[str, LoggedTensor], wanted: Collection[str]) -> Iterator[tuple[str, str]]:
    for name, each in inputs.items():
        tensor = each.tensor
        if name in wanted:
            yield from ((name, value) for value in _texts(tensor, range(tensor.count)))
        for place, column in enumerate(each.columns[: tensor.width]):
            if column in wanted:
                cells = range(place, tensor.count, tensor.width)
                yield from ((column, value) for value in _texts(tensor, cells))


def _texts(tensor: Tensor, cells: range) -> Iterator[str]:
    """A number that is whole without a point: 42 and not 42.0, whatever its type. Of others the fewest digits that are
    this number in its type, and all that it has as a double: somebody may have copied those.
    """
    if tensor.element is ElementType.STRING:
        # One more than anybody's: a longer text is not the one that it begins with.
        yield from tensor.texts(cells, MAX_VALUE + 1)
        return
    for cell in cells:
        number = tensor.number(cell)
        if isinstance(number, int) or number.is_integer():
            yield str(int(number))
        elif math.isfinite(number):
            yield from {shortest(number, tensor.element), repr(number)}
        else:
            yield repr(number)


def _digest(name: str, value: str) -> bytes:
    return sha256(f"{name}\0{value}".encode()).digest()
