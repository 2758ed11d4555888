"""The tensors that a version takes and gives."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from fp_kernel import invalid
from fp_kernel.features import Row, may_name, named, width
from fp_kernel.signatures import MAX_INPUTS
from fp_kernel.tensors import MAX_BYTES, MAX_RANK

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

    @property
    def width(self) -> int | None:
        """Elements of a row; None when requests decide."""
        return width(self.shape, len(self.columns))


@dataclass(frozen=True, slots=True)
class Signature:
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]

    def features(self) -> list[str]:
        """Names of the inputs' features in events of predictions, except of tensors whose width a request decides."""
        known = [
            Row(tensor.name, size, [column.name for column in tensor.columns])
            for tensor in self.inputs
            if (size := tensor.width) is not None
        ]
        return [name for _, names in named(known) for name in names]

    def has_feature(self, name: str) -> bool:
        """Whether an event of a prediction may have a feature of this name."""
        undecided = [tensor for tensor in self.inputs if tensor.width is None]
        return name in self.features() or any(
            may_name(name, tensor.name) or name in {column.name for column in tensor.columns} for tensor in undecided
        )


def check_signature(signature: Signature, field: str) -> None:
    """Raises InvalidArgument naming the tensor or column that breaks a rule."""
    for side, tensors in (("inputs", signature.inputs), ("outputs", signature.outputs)):
        if not tensors:
            raise invalid(f"{field}.{side}", "must name at least one tensor")
        for index, tensor in enumerate(tensors):
            _check_tensor(tensor, f"{field}.{side}[{index}]")
        check_distinct((tensor.name for tensor in tensors), f"{field}.{side}")
    columns = (column.name for tensor in signature.inputs for column in tensor.columns)
    check_distinct(columns, f"{field}.inputs.columns")
    check_distinct(signature.features(), f"{field}.inputs")


def check_served(signature: Signature, field: str) -> None:
    """What the serving runtime takes. Raises InvalidArgument naming what no request could ever have."""
    if len(signature.inputs) > MAX_INPUTS:
        raise invalid(f"{field}.inputs", f"has {len(signature.inputs)} tensors, at most {MAX_INPUTS} are served")
    for side, tensors in (("inputs", signature.inputs), ("outputs", signature.outputs)):
        for index, tensor in enumerate(tensors):
            path = f"{field}.{side}[{index}].shape"
            if len(tensor.shape) > MAX_RANK:
                raise invalid(path, f"has {len(tensor.shape)} axes, at most {MAX_RANK} are served")
            # An element has a byte at least, and an axis of any length may be 1.
            least = math.prod(max(axis, 1) for axis in tensor.shape)
            if least > MAX_BYTES:
                raise invalid(path, f"has {least} elements, and a tensor of more than {MAX_BYTES} bytes is not served")


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
