"""What requests of one and of many predictions have in their JSON."""

from typing import Any

from forgepoint.inference.v1 import inference_pb2 as pb
from fp_kernel import invalid
from fp_oip.attributes import HEADER, of_header
from starlette.requests import Request

from fp_gateway.http import attributes, tensors


def check(document: dict[str, Any], known: frozenset[str], field: str = "") -> None:
    """Raises InvalidArgument naming a field that there is not."""
    for name in document.keys() - known:
        raise invalid(f"{field}.{name}" if field else name, f"is not a field; there are {', '.join(sorted(known))}")


def inputs_of(inputs: Any, field: str) -> dict[str, pb.TensorData]:
    """Raises InvalidArgument naming the tensor."""
    if not isinstance(inputs, dict) or not inputs:
        raise invalid(field, "must be an object of tensors by name")
    return {name: tensors.from_json(tensor, f"{field}[{name}]") for name, tensor in inputs.items()}


def shared(document: dict[str, Any], request: Request) -> dict[str, Any]:
    """Fields that requests of one and of many predictions have. Raises InvalidArgument."""
    return {
        "model_name": request.path_params["model"],
        "version_override": request.path_params.get("version", ""),
        "idempotency_key": _text(document, "idempotencyKey"),
        "sticky_key": _text(document, "stickyKey"),
        "attributes": attributes.merged(
            of_header(request.headers.get(HEADER, "")), document.get("attributes"), "attributes"
        ),
    }


def _text(document: dict[str, Any], name: str) -> str:
    value = document.get(name, "")
    if not isinstance(value, str):
        raise invalid(name, "must be a string")
    return value
