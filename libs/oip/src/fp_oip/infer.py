"""One inference request of the protocol as a prediction, and its answer."""

from collections.abc import Mapping
from typing import Any, Final

from forgepoint.inference.v1 import inference_pb2 as pb
from fp_kernel import invalid
from fp_rpc.json_bodies import document_of

from fp_oip import attributes, frame, tensors

_FIELDS: Final = frozenset({"id", "parameters", "inputs", "outputs"})


class Inference:
    """message: for the inference service. `answer` writes its response in the form that the request asked for."""

    def __init__(self, body: bytes, headers: Mapping[str, Any], model: str, version: str) -> None:
        """headers: of the request, by their lower-case names. Raises InvalidArgument naming the field."""
        head, rest = frame.split(body, headers.get(frame.LENGTH))
        document = _given(document_of(head))
        for name in document.keys() - _FIELDS:
            raise invalid(name, f"is not a field of this request; it takes {', '.join(sorted(_FIELDS))}")
        parameters = _parameters(document, "parameters")
        self._id = _text(document, "id", "id")
        self._wanted = _outputs(document.get("outputs", []), binary=bool(parameters.get("binary_data_output")))
        self._binary = bool(parameters.get("binary_data_output"))
        self._model = model
        self.message = pb.PredictRequest(
            model_name=model,
            version_override=version,
            inputs=_inputs(document.get("inputs"), rest),
            sticky_key=_text(parameters, "sticky_key", "parameters.sticky_key"),
            # So that an unknown output is refused before the model runs and the prediction is billed.
            output_names=self._wanted,
            attributes=attributes.of_header(headers.get(attributes.HEADER, "")),
        )

    def answer(self, response: pb.PredictResponse) -> tuple[bytes, Mapping[str, str], str]:
        """Body, headers and media type. Raises InvalidArgument for an output that the model does not have."""
        wanted = self._wanted or dict.fromkeys(sorted(response.outputs), self._binary)
        outputs: list[dict[str, Any]] = []
        parts: list[bytes] = []
        for name, binary in wanted.items():
            if name not in response.outputs:
                raise invalid(f"outputs[{name}].name", f"is not an output; there are {sorted(response.outputs)}")
            tensor = response.outputs[name]
            output = tensors.describe(name, tensor)
            if binary:
                parts.append(tensor.data)
                output["parameters"] = {frame.BINARY_SIZE: len(tensor.data)}
            else:
                output["data"] = tensors.unpacked(tensor)
            outputs.append(output)
        document = {
            "model_name": self._model,
            "model_version": response.served_version,
            "id": self._id or response.request_id,
            # What labels are joined on, whatever id the caller chose.
            "parameters": {"request_id": response.request_id},
            "outputs": outputs,
        }
        return frame.join(document, parts)


def _inputs(documents: Any, rest: bytes) -> Mapping[str, pb.TensorData]:
    if not isinstance(documents, list) or not documents:
        raise invalid("inputs", "must be an array of tensors")
    by_field: dict[str, Mapping[str, Any]] = {}
    for index, document in enumerate(map(_given, documents)):
        name = _name(document, f"inputs[{index}]")
        if f"inputs[{name}]" in by_field:
            raise invalid(f"inputs[{name}].name", "is there twice")
        by_field[f"inputs[{name}]"] = document
    sizes = [
        (field, _parameters(document, f"{field}.parameters").get(frame.BINARY_SIZE))
        for field, document in by_field.items()
    ]
    blobs = frame.blobs(sizes, rest)
    return {document["name"]: tensors.read(document, field, blobs.get(field)) for field, document in by_field.items()}


def _outputs(documents: Any, *, binary: bool) -> Mapping[str, bool]:
    """Which outputs are asked for, and which of them as bytes; none means all."""
    if not isinstance(documents, list):
        raise invalid("outputs", "must be an array")
    found: dict[str, bool] = {}
    for index, document in enumerate(map(_given, documents)):
        name = _name(document, f"outputs[{index}]")
        found[name] = bool(_parameters(document, f"outputs[{name}].parameters").get("binary_data", binary))
    return found


def _given(document: Any) -> Any:
    """Without what is null: clients with typed objects write every optional member."""
    if not isinstance(document, dict):
        return document
    return {name: value for name, value in document.items() if value is not None}


def _name(document: Any, field: str) -> str:
    if not isinstance(document, dict):
        raise invalid(field, "must be an object")
    name = document.get("name")
    if not isinstance(name, str) or not name:
        raise invalid(f"{field}.name", "must be the name of a tensor")
    return name


def _parameters(document: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    """Unknown parameters are ignored, as the protocol says."""
    parameters = document.get("parameters", {})
    if not isinstance(parameters, dict):
        raise invalid(field, "must be an object")
    return parameters


def _text(document: Mapping[str, Any], name: str, field: str) -> str:
    value = document.get(name, "")
    if not isinstance(value, str):
        raise invalid(field, "must be a string")
    return value
