"""The tensors that a model takes and gives, and whether a request has them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fp_kernel.errors import invalid
from fp_kernel.tensors import ElementType, Tensor

MAX_INPUTS = 64
DYNAMIC = -1


@dataclass(frozen=True, slots=True)
class Column:
    """A feature in one column of a packed tensor; with categories the value is an index into them."""

    name: str
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """shape: -1 is an axis of any length; the first one counts rows. columns: along the last axis.
    optional: an input that a request may leave out, because the model has a default for it.
    """

    name: str
    element: ElementType
    shape: tuple[int, ...]
    columns: tuple[Column, ...] = ()
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Signature:
    """As the maker of a version declared it."""

    inputs: tuple[TensorSpec, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()

    def check(self, inputs: Mapping[str, Tensor]) -> None:
        """As `check_inputs`; without declared inputs everything passes."""
        if self.inputs:
            check_inputs(self.inputs, inputs)

    def check_outputs(self, names: Sequence[str]) -> None:
        """Whether the model gives these outputs; without declared outputs everything passes.

        Raises InvalidArgument naming `outputs[<name>].name`.
        """
        known = sorted(spec.name for spec in self.outputs)
        for name in names:
            if known and name not in known:
                raise invalid(f"outputs[{name}].name", f"is not an output; there are {known}")

    def output(self, name: str) -> TensorSpec | None:
        return next((spec for spec in self.outputs if spec.name == name), None)


UNDECLARED = Signature()


def check_tensors(inputs: Mapping[str, Tensor]) -> None:
    """What holds for every model: not too many tensors, each as long as it says.

    Raises InvalidArgument naming the field.
    """
    if not inputs:
        raise invalid("inputs", "must have at least one tensor")
    check_count(inputs)
    for name, tensor in inputs.items():
        tensor.check(f"inputs[{name}]")


def check_count(inputs: Mapping[str, Tensor]) -> None:
    """Raises InvalidArgument naming `inputs`."""
    if len(inputs) > MAX_INPUTS:
        raise invalid("inputs", f"has {len(inputs)} tensors, at most {MAX_INPUTS} are served")


def check_inputs(specs: Sequence[TensorSpec], inputs: Mapping[str, Tensor], field: str = "inputs") -> None:
    """Names, element types, shapes and columns.

    Raises InvalidArgument naming `<field>[<name>]` or its `dtype` or `shape`.
    """
    known = {spec.name for spec in specs}
    for name in inputs:
        if name not in known:
            raise invalid(f"{field}[{name}]", f"is not an input of the model; it takes {', '.join(sorted(known))}")
    for spec in specs:
        tensor = inputs.get(spec.name)
        if tensor is not None:
            _check_tensor(spec, tensor, f"{field}[{spec.name}]")
        elif not spec.optional:
            raise invalid(f"{field}[{spec.name}]", "is missing")


def _check_tensor(spec: TensorSpec, tensor: Tensor, field: str) -> None:
    if tensor.element is not spec.element:
        raise invalid(f"{field}.dtype", f"must be {spec.element}, is {tensor.element}")
    if len(tensor.shape) != len(spec.shape):
        raise invalid(f"{field}.shape", f"must have {len(spec.shape)} axes, has {len(tensor.shape)}")
    for axis, (wanted, given) in enumerate(zip(spec.shape, tensor.shape, strict=True)):
        if wanted not in (DYNAMIC, given):
            raise invalid(f"{field}.shape", f"axis {axis} must be {wanted}, is {given}")
    if spec.columns and tensor.shape and tensor.shape[-1] != len(spec.columns):
        raise invalid(f"{field}.shape", f"the last axis must have {len(spec.columns)} columns, has {tensor.shape[-1]}")
