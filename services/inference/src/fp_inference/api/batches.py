"""Requests with many items to values and back."""

from collections.abc import Sequence
from dataclasses import replace

from forgepoint.common.v1.common_pb2 import ErrorDetail
from forgepoint.events.v1 import events_pb2
from forgepoint.inference.v1 import inference_pb2 as pb
from fp_kernel import Command, Error, invalid

from fp_inference.api.convert import TENSORS
from fp_inference.app.predict_many import Answer, Item
from fp_inference.app.values import Ask, Prediction
from fp_inference.domain.failures import failure_reason

_LONGEST_ID = 128


def items_from_pb(items: Sequence[pb.BatchPredictItem], most: int, whole: Ask) -> Sequence[Item]:
    """whole: what the items share; its request id and command are the call's.

    Raises InvalidArgument naming `items` or `items[i].item_id`; what is wrong with an item's tensors is its own matter.
    """
    if not 1 <= len(items) <= most:
        raise invalid("items", f"must be 1 to {most}, are {len(items)}")
    seen: set[str] = set()
    for index, item in enumerate(items):
        _check_id(f"items[{index}].item_id", item.item_id, seen)
        seen.add(item.item_id)
    return [_item(item, whole) for item in items]


def answer_to_pb(answer: Answer) -> pb.BatchPredictResult:
    match answer.outcome:
        case Error() as error:
            return _failed(answer.item_id, error)
        case bytes() as stored:
            return pb.BatchPredictResult.FromString(stored)
        case prediction:
            return _predicted(answer.item_id, prediction)


def _check_id(path: str, item_id: str, seen: set[str]) -> None:
    if not item_id or len(item_id) > _LONGEST_ID or not item_id.isprintable():
        raise invalid(path, f"must be 1 to {_LONGEST_ID} printable characters")
    if item_id in seen:
        raise invalid(path, "is there twice")


def _item(item: pb.BatchPredictItem, whole: Ask) -> Item:
    def encode(prediction: Prediction) -> bytes:
        return _predicted(item.item_id, prediction).SerializeToString()

    command = whole.command
    ask = replace(
        whole,
        command=Command(command.team, f"{command.rpc}/{item.item_id}", command.key, command.fingerprint, encode),
    )
    try:
        return Item(item.item_id, replace(ask, inputs=TENSORS.all_from_pb(item.inputs)))
    except Error as flaw:
        return Item(item.item_id, ask, flaw)


def _predicted(item_id: str, prediction: Prediction) -> pb.BatchPredictResult:
    return pb.BatchPredictResult(
        item_id=item_id, outputs=TENSORS.all_to_pb(prediction.outputs), served_version=prediction.version
    )


def _failed(item_id: str, error: Error) -> pb.BatchPredictResult:
    reason = events_pb2.InferenceFailureReason.Value(f"INFERENCE_FAILURE_REASON_{failure_reason(error).value}")
    detail = ErrorDetail(
        code=error.reason or error.kind.value,
        message=error.message,
        field=error.fields[0].field if error.fields else "",
    )
    return pb.BatchPredictResult(item_id=item_id, error=detail, failure_reason=reason)
