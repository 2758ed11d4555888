"""Many predictions of a file, a line each, in calls of as many as one takes."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from forgepoint.inference.v1 import inference_pb2 as pb
from forgepoint.inference.v1 import inference_pb2_grpc
from fp_kernel import InvalidArgument, invalid

from fp_cli import tensors
from fp_cli.client import Client
from fp_cli.reading import lines_of, text_of

_ITEMS: Final = 10_000
# Of one call; what goes beyond it waits for the next one.
_BYTES: Final = 8 * 1024 * 1024


def answers(client: Client, request: pb.StreamPredictRequest, file: Path) -> Iterator[dict[str, Any]]:
    """An answer, or an error, for each line, as they come. request: without its items.

    Raises InvalidArgument naming the line that cannot be asked, before any is.
    """
    stub = inference_pb2_grpc.InferenceGatewayServiceStub(client.channel)
    info = client.call(stub.GetModelInfo, pb.GetModelInfoRequest(model_name=request.model_name)).model_info
    items = [_item(number, line, info.inputs) for number, line in _lines(file)]
    for number, some in enumerate(_calls(items)):
        asked = pb.StreamPredictRequest(items=some)
        asked.MergeFrom(request)
        if request.idempotency_key:
            asked.idempotency_key = f"{request.idempotency_key}/{number}"
        for response in client.stream(stub.StreamPredict, asked):
            yield _answer(response)


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    found = list(lines_of(text_of(file)))
    if not found:
        raise invalid("lines", "has no line")
    yield from found


def _item(number: int, line: str, specs: Any) -> pb.BatchPredictItem:
    try:
        arrays = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise invalid(f"lines[{number}]", f"is not JSON: {error}") from None
    if not isinstance(arrays, dict):
        raise invalid(f"lines[{number}]", "must be an object of arrays by tensor name")
    try:
        return pb.BatchPredictItem(item_id=str(number), inputs=tensors.encode(arrays, specs))
    except InvalidArgument as error:
        raise invalid(f"lines[{number}]", error.message) from None


def _calls(items: Iterable[pb.BatchPredictItem]) -> Iterator[list[pb.BatchPredictItem]]:
    some: list[pb.BatchPredictItem] = []
    size = 0
    for item in items:
        bytes_ = item.ByteSize()
        if some and (len(some) == _ITEMS or size + bytes_ > _BYTES):
            yield some
            some, size = [], 0
        some.append(item)
        size += bytes_
    yield some


def _answer(response: Any) -> dict[str, Any]:
    result = response.result
    facts: dict[str, Any] = {"line": int(result.item_id), "request_id": f"{response.request_id}/{result.item_id}"}
    if result.HasField("error"):
        return facts | {
            "error": {"code": result.error.code, "message": result.error.message, "field": result.error.field}
        }
    outputs = {name: tensors.decode(tensor) for name, tensor in result.outputs.items()}
    return facts | {"outputs": outputs, "served_version": result.served_version}
