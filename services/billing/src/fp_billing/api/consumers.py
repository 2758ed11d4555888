"""Which event triggers what."""

from collections.abc import Awaitable, Callable, Iterator, Sequence

from forgepoint.events.v1 import events_pb2
from fp_events import Consumer, Event, Poison, durable
from fp_events.payloads.predictions import opened
from google.protobuf.duration_pb2 import Duration

from fp_billing.app.record_usage import RecordEvents, UsageEvent
from fp_billing.domain.meters import Meter
from fp_billing.domain.periods import day_of, period_of
from fp_billing.domain.reconciliation import Reconciliation
from fp_billing.domain.sources import part_of
from fp_billing.domain.storage import ArchivedModel, RestoredModel, StoredVersion
from fp_billing.domain.usage import Usage

USAGE = durable("billing")
RESOURCES = durable("billing-resources")

__all__ = ["RESOURCES", "USAGE", "meter"]

_NANOS = 1_000_000_000


def meter(
    consumer: Consumer, record: RecordEvents, observe: Callable[[int, int], None]
) -> Callable[[Sequence[Event]], Awaitable[None]]:
    """`USAGE` or `RESOURCES` -> usage, one transaction a batch.

    observe: hears facts that were new, and facts that were known.
    """

    async def handle(events: Sequence[Event]) -> None:
        batch = [_usage_event(event) for event in events]
        new = await record(batch, consumer.name)
        observe(new, sum(len(each.usages) for each in batch) - new)

    return handle


def _usage_event(event: Event) -> UsageEvent:
    """One message with all its predictions. The inbox deduplicates messages, the usage key facts: a prediction that
    comes again in another batch, or alone, is metered once.

    Raises Poison for an event that does not say whose usage of what it is.
    """
    if not event.team:
        raise Poison("the event names no team to bill")
    match event.payload:
        case events_pb2.StepCompleted() | events_pb2.StepFailed() as step:
            return UsageEvent(event.id, event.team, _step(event, step))
        case events_pb2.ModelVersionReady() as version:
            return _stored(event, version)
        case events_pb2.ModelArchived() as model:
            ended = ArchivedModel(_source(model.model_id), event.time_of(model.archived_at))
            return UsageEvent(event.id, event.team, archived=ended)
        case events_pb2.ModelRestored() as model:
            back = RestoredModel(_source(model.model_id), event.time_of(model.restored_at))
            return UsageEvent(event.id, event.team, restored=back)
        case events_pb2.InferenceCounted() as counted:
            return UsageEvent(event.id, event.team, counted=tuple(_counted(event, counted)))
        case payload:
            usages = tuple(usage for each in opened(event) for usage in _prediction(each))
            # Single predictions are of a build of inference that counted nothing.
            reconciled = isinstance(payload, events_pb2.InferenceRecorded)
            return UsageEvent(event.id, event.team, usages, reconciled=reconciled)


def _prediction(event: Event) -> tuple[Usage, ...]:
    """One unit a row, and the tokens when there are some. What failed costs nothing."""
    payload = event.payload
    if not isinstance(payload, events_pb2.InferenceCompleted):
        return ()
    counted = [(Meter.INFERENCE_REQUEST, payload.rows or 1)]
    if payload.token_count:
        counted.append((Meter.INFERENCE_TOKENS, payload.token_count))
    at = event.time_of(payload.completed_at)
    return tuple(
        Usage(
            meter=meter,
            quantity=quantity,
            source_id=_source(payload.request_id),
            model_id=payload.model_id,
            model_version=payload.version,
            occurred_at=at,
            correlation_id=event.correlation_id,
            trace=event.trace,
        )
        for meter, quantity in counted
    )


def _counted(event: Event, payload: events_pb2.InferenceCounted) -> Iterator[Reconciliation]:
    """The side of inference. Raises Poison for numbers that no count can have."""
    for each in payload.counts:
        if min(each.rows, each.tokens, each.unrecorded_rows) < 0 or not each.HasField("day"):
            raise Poison("the event counts what cannot be counted")
        day = day_of(event.time_of(each.day))
        yield Reconciliation(
            event.team, day, Meter.INFERENCE_REQUEST, recorded=each.rows, unrecorded=each.unrecorded_rows
        )
        if each.tokens:
            yield Reconciliation(event.team, day, Meter.INFERENCE_TOKENS, recorded=each.tokens)


def _step(event: Event, payload: events_pb2.StepCompleted | events_pb2.StepFailed) -> tuple[Usage, ...]:
    """Seconds of its jobs, one that began is a whole one; whether the step went well or not. None without a job."""
    at = payload.failed_at if isinstance(payload, events_pb2.StepFailed) else payload.completed_at
    seconds = _seconds(payload.compute)
    if not seconds:
        return ()
    usage = Usage(
        meter=Meter.COMPUTE_SECONDS,
        quantity=seconds,
        source_id=part_of(_source(payload.execution_id), _source(payload.step_id)),
        occurred_at=event.time_of(at),
        correlation_id=event.correlation_id,
        trace=event.trace,
    )
    return (usage,)


def _stored(event: Event, payload: events_pb2.ModelVersionReady) -> UsageEvent:
    """The month in which it became ready; the schedule meters the following ones."""
    at = event.time_of(payload.ready_at)
    usage = Usage(
        meter=Meter.STORAGE_BYTES,
        quantity=payload.size_bytes,
        source_id=_source(payload.version_id),
        model_id=payload.model_id,
        model_version=payload.version,
        occurred_at=at,
        correlation_id=event.correlation_id,
        trace=event.trace,
    )
    stored = StoredVersion(
        payload.version_id, payload.model_id, payload.version, payload.size_bytes, paid_for=period_of(at)
    )
    return UsageEvent(event.id, event.team, (usage,), stored)


def _source(source_id: str) -> str:
    if not source_id:
        raise Poison("the event does not say what was used, so that it could be billed twice")
    return source_id


def _seconds(duration: Duration) -> int:
    return -(-(duration.seconds * _NANOS + duration.nanos) // _NANOS)
