"""The tensors of a loaded model."""

from collections.abc import Mapping
from dataclasses import dataclass

from fp_kernel import invalid
from fp_kernel.signatures import DYNAMIC, TensorSpec, check_count, check_inputs
from fp_kernel.tensors import Tensor


@dataclass(frozen=True, slots=True)
class Schema:
    """The tensors of a model.

    left_out: outputs that are no tensors and become none, or whose elements have no form on the wire; they are served
    to nobody.
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    left_out: tuple[str, ...] = ()

    @property
    def has_row_axis(self) -> bool:
        """Whether the first axis of every tensor has any length, so that requests may share one run."""
        return all(spec.shape and spec.shape[0] == DYNAMIC for spec in (*self.required, *self.outputs))

    @property
    def required(self) -> tuple[TensorSpec, ...]:
        """Inputs without a default."""
        return tuple(spec for spec in self.inputs if not spec.optional)

    def check(self, inputs: Mapping[str, Tensor]) -> None:
        """Compare a request with the model's inputs by name, element type, rank and fixed axes.

        Raises InvalidArgument naming `inputs`, `inputs[<name>]` or its `dtype` or `shape`.
        """
        check_count(inputs)
        check_inputs(self.inputs, inputs)

    def rows(self, inputs: Mapping[str, Tensor]) -> int:
        """Rows of a checked request of a model with a row axis; a value in the place of a default has none.

        Raises InvalidArgument when the inputs disagree.
        """
        required = self.required
        first = required[0].name
        rows = inputs[first].shape[0]
        for spec in required[1:]:
            if inputs[spec.name].shape[0] != rows:
                own = inputs[spec.name].shape[0]
                raise invalid(f"inputs[{spec.name}].shape", f"has {own} rows where inputs[{first}] has {rows}")
        return rows
