"""`/v1/models/{m}/batch` and `/stream`: many predictions in plain JSON, answered together or each when it is there."""

from typing import Any

import orjson
from forgepoint.inference.v1 import inference_pb2 as pb
from fp_kernel import invalid
from google.protobuf.message import Message
from starlette.requests import Request

from fp_gateway.http import prediction_fields as fields
from fp_gateway.http import protojson, tensors

_FIELDS = frozenset({"items", "idempotencyKey", "stickyKey", "attributes"})
_ITEM = frozenset({"itemId", "inputs"})


def batch_request(document: dict[str, Any], request: Request) -> pb.BatchPredictRequest:
    """Raises InvalidArgument naming the field."""
    return pb.BatchPredictRequest(**_common(document, request))


def stream_request(document: dict[str, Any], request: Request) -> pb.StreamPredictRequest:
    """As `batch_request`."""
    return pb.StreamPredictRequest(**_common(document, request))


def answer(response: Any) -> bytes:
    return orjson.dumps({"results": [_result(each) for each in response.results], "requestId": response.request_id})


def event(message: Message) -> bytes:
    """One result of a stream, as the data of an event."""
    found: Any = message
    return orjson.dumps(_result(found.result) | {"requestId": found.request_id})


def _common(document: dict[str, Any], request: Request) -> dict[str, Any]:
    fields.check(document, _FIELDS)
    items = document.get("items")
    if not isinstance(items, list) or not items:
        raise invalid("items", "must be an array of objects with itemId and inputs")
    return {"items": [_item(each, f"items[{place}]") for place, each in enumerate(items)]} | fields.shared(
        document, request
    )


def _item(document: Any, field: str) -> pb.BatchPredictItem:
    if not isinstance(document, dict):
        raise invalid(field, "must be an object with itemId and inputs")
    fields.check(document, _ITEM, field)
    item_id = document.get("itemId")
    if not isinstance(item_id, str):
        raise invalid(f"{field}.itemId", "must be a string")
    return pb.BatchPredictItem(item_id=item_id, inputs=fields.inputs_of(document.get("inputs"), f"{field}.inputs"))


def _result(result: Any) -> dict[str, Any]:
    if result.HasField("error"):
        # As /api/v1 writes messages.
        failed: dict[str, Any] = orjson.loads(protojson.to_json(result))
        failed.pop("outputs", None)
        return failed
    outputs = {name: tensors.to_json(tensor) for name, tensor in result.outputs.items()}
    return {"itemId": result.item_id, "outputs": outputs, "servedVersion": result.served_version}
