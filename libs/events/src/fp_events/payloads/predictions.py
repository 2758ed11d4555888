"""Batches of predictions, opened: consumers of `fp.inference.recorded` see the predictions that it carries.

Inference publishes the predictions of one team, model and version together, because a message each cost more than the
prediction. `fp.inference.completed` and `fp.inference.failed`, a message each, are read as well: a stream may still
hold them for 72 hours after an upgrade.
"""

from collections.abc import Sequence
from dataclasses import replace

from forgepoint.events.v1 import events_pb2 as pb

from fp_events.message.event import Event

RECORDED = "fp.inference.recorded"
COMPLETED = "fp.inference.completed"
FAILED = "fp.inference.failed"


def opened(event: Event) -> Sequence[Event]:
    """The predictions of a batch as events of their own, completed ones first; any other event as it is.

    Each has the batch's id: an inbox remembers batches, and an effect happens once by the prediction's `request_id`.
    """
    batch = event.payload
    if not isinstance(batch, pb.InferenceRecorded):
        return (event,)
    return [
        *(_single(event, COMPLETED, each) for each in batch.completed),
        *(_single(event, FAILED, each) for each in batch.failed),
    ]


def _single(batch: Event, subject: str, payload: pb.InferenceCompleted | pb.InferenceFailed) -> Event:
    trace = {"traceparent": payload.traceparent} if payload.traceparent else {}
    return replace(
        batch,
        type=subject,
        payload=payload,
        actor=payload.actor,
        correlation_id=payload.correlation_id,
        trace=trace,
        resource_id=payload.model_id or batch.resource_id,
    )
