"""The tensors that a version takes and gives."""

from collections.abc import Iterable
from dataclasses import dataclass

from fp_kernel import invalid
from fp_kernel.signatures import MAX_INPUTS
from fp_kernel.tensors import MAX_RANK

from fp_registry.domain.text import check_label

MAX_NAME = 256


@dataclass(frozen=True, slots=True)
class Column:
    """A feature in one column of a packed tensor. categories: not empty when the column holds an index into them."""

    name: str
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tensor:
    """typed: whether its element type is known. shape: -1 is a dynamic axis. columns: along the last axis."""

    name: str
    typed: bool
    shape: tuple[int, ...]
    columns: tuple[Column, ...] = ()


@dataclass(frozen=True, slots=True)
class Signature:
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]

    def features(self) -> frozenset[str]:
        """Names under which the inputs' features are known: columns, or the tensor itself when it has none."""
        names: set[str] = set()
        for tensor in self.inputs:
            names.update(column.name for column in tensor.columns)
            if not tensor.columns:
                names.add(tensor.name)
        return frozenset(names)


def check_signature(signature: Signature, field: str) -> None:
    """Raises InvalidArgument naming the tensor or column that breaks a rule, or that no runtime could ever serve."""
    if len(signature.inputs) > MAX_INPUTS:
        raise invalid(f"{field}.inputs", f"has {len(signature.inputs)} tensors, at most {MAX_INPUTS} are served")
    for side, tensors in (("inputs", signature.inputs), ("outputs", signature.outputs)):
        if not tensors:
            raise invalid(f"{field}.{side}", "must name at least one tensor")
        for index, tensor in enumerate(tensors):
            _check_tensor(tensor, f"{field}.{side}[{index}]")
        check_distinct((tensor.name for tensor in tensors), f"{field}.{side}")
    columns = (column.name for tensor in signature.inputs for column in tensor.columns)
    check_distinct(columns, f"{field}.inputs.columns")


def check_distinct(names: Iterable[str], field: str) -> None:
    """Raises InvalidArgument naming the name that is there twice."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise invalid(field, f"{name!r} is there twice")
        seen.add(name)


def _check_tensor(tensor: Tensor, field: str) -> None:
    check_label(tensor.name, f"{field}.name", MAX_NAME, required=True)
    if not tensor.typed:
        raise invalid(f"{field}.type", "must be a tensor type")
    if any(axis == 0 or axis < -1 for axis in tensor.shape):
        raise invalid(f"{field}.shape", "an axis is at least 1, or -1 when dynamic")
    if len(tensor.shape) > MAX_RANK:
        raise invalid(f"{field}.shape", f"has {len(tensor.shape)} axes, at most {MAX_RANK} are served")
    if tensor.columns:
        _check_columns(tensor, f"{field}.columns")


def _check_columns(tensor: Tensor, field: str) -> None:
    if not tensor.shape:
        raise invalid(field, "a scalar has no columns")
    if tensor.shape[-1] not in (-1, len(tensor.columns)):
        raise invalid(field, f"has {len(tensor.columns)} columns, but the last axis is {tensor.shape[-1]}")
    for index, column in enumerate(tensor.columns):
        check_label(column.name, f"{field}[{index}].name", MAX_NAME, required=True)
        check_distinct(column.categories, f"{field}[{index}].categories")
