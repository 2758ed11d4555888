"""Which event triggers what."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC
from typing import Any

from forgepoint.events.v1 import events_pb2 as pb
from fp_events import Event, Missed, MissedHook, durable
from fp_events.payloads.predictions import opened
from fp_kernel import InvalidArgument, parse_id

from fp_monitor.api.log_convert import batch_from_event
from fp_monitor.app.count_traffic import CountTraffic, PredictionRecorded
from fp_monitor.app.follow_retraining import FollowRetraining, RetrainingEvent
from fp_monitor.app.note_gap import NoteGap
from fp_monitor.app.ports import Promotion
from fp_monitor.app.take_baseline import TakeBaseline
from fp_monitor.app.write_log import WriteLog
from fp_monitor.domain.gap import Gap
from fp_monitor.domain.prediction import MAX_REQUEST_ID, Prediction, Rows

PROMOTIONS = durable("monitor")
RETRAININGS = durable("monitor-retrainings")
TRAFFIC = durable("monitor-traffic")
LOG = durable("monitor-log")

__all__ = [
    "CONSUMERS",
    "LOG",
    "PROMOTIONS",
    "RETRAININGS",
    "TRAFFIC",
    "count_traffic",
    "follow_retraining",
    "note_gap",
    "take_baseline",
    "write_log",
]

COMPLETED = "fp.inference.completed"
PROMOTED = "fp.models.promoted"
STARTED = "fp.pipelines.started"
FAILED = "fp.pipelines.failed"
_BY_REPORT = "drift-report:"

CONSUMERS = (TRAFFIC, PROMOTIONS, RETRAININGS, LOG)


def count_traffic(count: CountTraffic) -> Callable[[Sequence[Event]], Awaitable[None]]:
    """`TRAFFIC` -> windows, a batch at a time."""

    async def handle(events: Sequence[Event]) -> None:
        single = [each for event in events for each in opened(event)]
        await count([_recorded(each) for each in single if each.type == COMPLETED])

    return handle


def write_log(write: WriteLog, stored: Callable[[int], None]) -> Callable[[Sequence[Event]], Awaitable[None]]:
    """`LOG` -> files, a batch at a time. stored: how many predictions."""

    async def handle(events: Sequence[Event]) -> None:
        stored(await write([batch_from_event(event) for event in events]))

    return handle


def note_gap(note: NoteGap) -> MissedHook:
    """What `TRAFFIC` missed -> the windows that lack it."""

    async def hook(missed: Missed) -> None:
        since, until = missed.since, missed.until
        await note(Gap(missed.stream, missed.first, missed.last, since, until, noticed_at=until))

    return hook


def take_baseline(take: TakeBaseline) -> Callable[[Event], Awaitable[None]]:
    """`PROMOTIONS` to PRODUCTION -> the baseline."""

    async def handle(event: Event) -> None:
        payload: Any = event.payload
        if payload.to_stage == pb.MODEL_STAGE_PRODUCTION:
            await take(event.id, _promotion(event, payload))

    return handle


def follow_retraining(follow: FollowRetraining) -> Callable[[Event], Awaitable[None]]:
    """`RETRAININGS` -> the cooldown."""

    async def handle(event: Event) -> None:
        payload: Any = event.payload
        failed = event.type == FAILED
        moment = payload.failed_at if failed else payload.started_at
        report_id = "" if failed else _report(payload.triggered_by)
        await follow(
            RetrainingEvent(
                event.id,
                event.team,
                payload.pipeline_id,
                payload.execution_id,
                report_id,
                moment.ToDatetime(UTC),
                failed,
            )
        )

    return handle


def _recorded(event: Event) -> PredictionRecorded:
    payload: Any = event.payload
    said, asked = payload.prediction_summary, payload.feature_summary
    stats = dict(said.output_stats)
    prediction = Prediction(
        request_id=_text(payload.request_id)[:MAX_REQUEST_ID],
        version=_text(payload.version),
        at=payload.completed_at.ToDatetime(UTC),
        features={**asked.feature_values, **asked.categorical_values},
        score=stats.get("score"),
        label=_text(said.top_label),
        stats=stats,
        rows=_rows(payload.sampled_rows) if payload.HasField("sampled_rows") else None,
    )
    return PredictionRecorded(event.id, event.team, payload.model_name, prediction)


def _rows(sampled: pb.SampledRows) -> Rows | None:
    """None where there are none; what has not one value a row says nothing."""

    def whole(values: Sequence[Any]) -> Sequence[Any]:
        return values if len(values) == sampled.count else ()

    if sampled.count < 1:
        return None
    columns = {each.name: whole(each.numbers or each.categories) for each in sampled.features}
    return Rows(
        sampled.count,
        {name: values for name, values in columns.items() if values},
        whole(sampled.scores),
        whole(sampled.labels),
    )


def _report(triggered_by: str) -> str:
    """The id of the report that asked for an execution; empty for one that something else started."""
    report = triggered_by.removeprefix(_BY_REPORT)
    if report == triggered_by:
        return ""
    try:
        return parse_id(report, "triggered_by")
    except InvalidArgument:
        return ""


def _text(value: str) -> str:
    """What models answer is any text, and no database stores a zero byte."""
    return str(value).replace("\0", "")


def _promotion(event: Event, payload: Any) -> Promotion:
    return Promotion(
        team=event.team,
        model_id=payload.model_id,
        model_name=payload.model_name,
        version=payload.version,
        profile=payload.baseline_profile.SerializeToString() if payload.HasField("baseline_profile") else b"",
        at=payload.promoted_at.ToDatetime(UTC),
        sequence=event.sequence,
    )
