"""Samples that the maker of a version gives with it, and that a runtime runs before it says READY: arrays as people
write them, by the name of the input (ADR 0239).
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from fp_kernel.errors import invalid
from fp_kernel.packing import pack
from fp_kernel.signatures import TensorSpec, check_inputs
from fp_kernel.tensors import Tensor

MOST_SAMPLES: Final = 32
MOST_BYTES: Final = 1024 * 1024
_FIELD: Final = "warm_up"


def read_samples(content: bytes, specs: Sequence[TensorSpec]) -> list[Mapping[str, Tensor]]:
    """Of a document of JSON. Raises InvalidArgument naming `warm_up` or `warm_up[<place>]`."""
    if len(content) > MOST_BYTES:
        raise invalid(_FIELD, f"has {len(content)} bytes, at most {MOST_BYTES} are taken")
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        raise invalid(_FIELD, "is no JSON") from None
    return samples_of(document, specs)


def samples_of(document: Any, specs: Sequence[TensorSpec]) -> list[Mapping[str, Tensor]]:
    """specs: the inputs of the model, whose element types the numbers take; an axis of rows may be left out.

    Raises InvalidArgument naming `warm_up` or `warm_up[<place>]` and the tensor.
    """
    if not isinstance(document, list) or not 0 < len(document) <= MOST_SAMPLES:
        raise invalid(_FIELD, f"must be a list of 1 to {MOST_SAMPLES} objects of arrays by the name of the input")
    return [_sample(each, specs, f"{_FIELD}[{place}]") for place, each in enumerate(document)]


def _sample(document: Any, specs: Sequence[TensorSpec], field: str) -> Mapping[str, Tensor]:
    if not isinstance(document, dict):
        raise invalid(field, "must be an object of arrays by the name of the input")
    by_name = {spec.name: spec for spec in specs}
    unknown = sorted(document.keys() - by_name.keys())
    if unknown:
        raise invalid(f"{field}[{unknown[0]}]", f"is not an input of the model; it takes {', '.join(sorted(by_name))}")
    tensors = {name: _tensor(value, by_name[name], f"{field}[{name}]") for name, value in document.items()}
    check_inputs(specs, tensors, field)
    return tensors


def _tensor(value: Any, spec: TensorSpec, field: str) -> Tensor:
    tensor = pack(value, spec.element, field)
    if len(tensor.shape) == len(spec.shape) - 1:
        tensor = Tensor(tensor.element, (1, *tensor.shape), tensor.data)
    tensor.check(field)
    return tensor
