"""Tensors in messages. The packages that have them have the same fields, each in types of its own."""

from collections.abc import Mapping
from typing import Any, Generic, Protocol, TypeVar

from forgepoint.common.v1.model_pb2 import TensorType
from fp_kernel import invalid
from fp_kernel.signatures import TensorSpec
from fp_kernel.tensors import ElementType, Tensor

Data = TypeVar("Data")
Spec = TypeVar("Spec")


TENSOR_TYPES: Mapping[ElementType, TensorType.ValueType] = {
    element: TensorType.Value(f"TENSOR_TYPE_{element.name}") for element in ElementType
}
"""Element types as declared signatures name them."""

ELEMENTS: Mapping[int, ElementType] = {number: element for element, number in TENSOR_TYPES.items()}


class DataTypes(Protocol):
    """The generated enum."""

    def Value(self, name: Any) -> int: ...


class TensorForm(Generic[Data, Spec]):
    """How tensors travel in the messages of one package."""

    def __init__(self, data: type[Data], spec: type[Spec], types: DataTypes) -> None:
        """data, spec, types: the package's TensorData, TensorSpec and DataType."""
        self._data: Any = data
        self._spec: Any = spec
        self._numbers = {element: types.Value(f"DATA_TYPE_{element.name}") for element in ElementType}
        self._elements = {number: element for element, number in self._numbers.items()}

    def to_pb(self, tensor: Tensor) -> Data:
        message: Data = self._data(shape=tensor.shape, dtype=self._numbers[tensor.element], data=tensor.data)
        return message

    def all_to_pb(self, tensors: Mapping[str, Tensor]) -> Mapping[str, Data]:
        return {name: self.to_pb(tensor) for name, tensor in tensors.items()}

    def all_from_pb(self, messages: Mapping[str, Any], field: str = "inputs") -> Mapping[str, Tensor]:
        """Raises InvalidArgument naming `<field>[<name>].dtype` that is missing or unknown."""
        return {name: self.from_pb(message, f"{field}[{name}]") for name, message in messages.items()}

    def element(self, dtype: int) -> ElementType | None:
        """None for a number that the package's DataType does not have, or that says nothing."""
        return self._elements.get(dtype)

    def from_pb(self, message: Any, field: str) -> Tensor:
        """Raises InvalidArgument naming `<field>.dtype` that is missing or unknown."""
        element = self._elements.get(message.dtype)
        if element is None:
            raise invalid(f"{field}.dtype", "is not a known element type")
        return Tensor(element, tuple(message.shape), message.data)

    def spec_to_pb(self, spec: TensorSpec) -> Spec:
        number = self._numbers[spec.element]
        message: Spec = self._spec(name=spec.name, dtype=number, shape=spec.shape, optional=spec.optional)
        return message

    def spec_from_pb(self, message: Any) -> TensorSpec:
        """An unknown element type is taken for the usual one."""
        element = self._elements.get(message.dtype, ElementType.FLOAT32)
        return TensorSpec(message.name, element, tuple(message.shape), optional=message.optional)
