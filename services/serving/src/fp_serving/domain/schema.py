"""What a loaded model takes and gives."""

from collections.abc import Mapping
from dataclasses import dataclass

from fp_kernel import invalid

from fp_serving.domain.tensors import ElementType, Tensor

MAX_INPUTS = 64
DYNAMIC = -1


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """A named tensor; -1 in the shape is an axis of any length."""

    name: str
    element: ElementType
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Schema:
    """The tensors of a model.

    left_out: outputs that are no tensors (sequences and maps, as ZipMap makes them) or whose elements have no form on
    the wire; they are computed by nobody and served to nobody.
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    left_out: tuple[str, ...] = ()

    @property
    def has_row_axis(self) -> bool:
        """Whether the first axis of every tensor has any length, so that requests may share one run."""
        return all(spec.shape and spec.shape[0] == DYNAMIC for spec in (*self.inputs, *self.outputs))

    def check(self, inputs: Mapping[str, Tensor]) -> None:
        """Compare a request with the model's inputs by name, element type, rank and fixed axes.

        Raises InvalidArgument naming `inputs`, `inputs[<name>]` or its `dtype` or `shape`.
        """
        if len(inputs) > MAX_INPUTS:
            raise invalid("inputs", f"has {len(inputs)} tensors, at most {MAX_INPUTS} are served")
        known = {spec.name for spec in self.inputs}
        for name in inputs:
            if name not in known:
                raise invalid(f"inputs[{name}]", f"is not an input of the model; it takes {', '.join(sorted(known))}")
        for spec in self.inputs:
            tensor = inputs.get(spec.name)
            if tensor is None:
                raise invalid(f"inputs[{spec.name}]", "is missing")
            _check_tensor(spec, tensor)

    def rows(self, inputs: Mapping[str, Tensor]) -> int:
        """Rows of a checked request of a model with a row axis.

        Raises InvalidArgument when the inputs disagree.
        """
        first = self.inputs[0].name
        rows = inputs[first].shape[0]
        for spec in self.inputs[1:]:
            if inputs[spec.name].shape[0] != rows:
                own = inputs[spec.name].shape[0]
                raise invalid(f"inputs[{spec.name}].shape", f"has {own} rows where inputs[{first}] has {rows}")
        return rows


def _check_tensor(spec: TensorSpec, tensor: Tensor) -> None:
    field = f"inputs[{spec.name}]"
    if tensor.element is not spec.element:
        raise invalid(f"{field}.dtype", f"must be {spec.element}, is {tensor.element}")
    if len(tensor.shape) != len(spec.shape):
        raise invalid(f"{field}.shape", f"must have {len(spec.shape)} axes, has {len(tensor.shape)}")
    for axis, (wanted, given) in enumerate(zip(spec.shape, tensor.shape, strict=True)):
        if wanted not in (DYNAMIC, given):
            raise invalid(f"{field}.shape", f"axis {axis} must be {wanted}, is {given}")
