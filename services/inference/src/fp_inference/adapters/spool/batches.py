"""Predictions of the spool as messages: one of each team, model and version of a round.

The same records make the same messages with the same ids, in this process and in the next.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from forgepoint.events.v1 import events_pb2 as pb
from fp_events import EncodedEvent, Event, encoded
from fp_kernel.varints import delimited
from google.protobuf.any_pb2 import Any

from fp_inference.adapters.events import RECORDED, SOURCE
from fp_inference.adapters.spool.raw import Raw
from fp_inference.adapters.spool.records import Record, Report
from fp_inference.adapters.spool.spool import Entry
from fp_inference.domain.request_ids import digest, timed_id

# Half of what a message may have; a single prediction is far below that.
_MOST_BYTES = 500_000
_MOST_PREDICTIONS = 1_000
# Tags of InferenceRecorded's two lists.
_COMPLETED, _FAILED = b"\x0a", b"\x12"
_TYPE_URL = f"type.googleapis.com/{pb.InferenceRecorded.DESCRIPTOR.full_name}"


@dataclass(frozen=True, slots=True)
class Batch:
    """message: None for records of which none can be made. records: what it carries."""

    message: EncodedEvent | None
    records: Sequence[Record]


@dataclass(frozen=True, slots=True)
class Part:
    """A record of a round. report: its prediction's event; None where none can be built."""

    entry: Entry
    report: Report | EncodedEvent | None


def part_of(entry: Entry, build: Callable[[Raw], Report]) -> Part:
    report = entry.record.report
    if not isinstance(report, Raw):
        return Part(entry, report)
    try:
        return Part(entry, build(report))
    except Exception:  # noqa: BLE001 -- one that cannot be published must not hold the others back; it is set aside
        return Part(entry, None)


def batches(parts: Sequence[Part], spool: str) -> Iterator[Batch]:
    """spool: name of this spool, unlike all others.

    The id comes from the place of the first and the last record, so that a message that was sent before the process was
    killed is known again, and one with other content has another id.
    """
    open_: dict[tuple[str, str, str], list[tuple[Entry, Report]]] = {}
    sizes: dict[tuple[str, str, str], int] = {}
    for part in parts:
        report = part.report
        if not isinstance(report, Report):
            yield Batch(report, [part.entry.record])
            continue
        key = report.team, report.model_name, report.version
        size = sizes.get(key, 0) + len(report.payload)
        if size > _MOST_BYTES or len(open_.get(key, ())) >= _MOST_PREDICTIONS:
            yield _batch(open_.pop(key, []), spool)
            size = len(report.payload)
        open_.setdefault(key, []).append((part.entry, report))
        sizes[key] = size
    for group in open_.values():
        yield _batch(group, spool)


def _batch(group: Sequence[tuple[Entry, Report]], spool: str) -> Batch:
    records = [entry.record for entry, _ in group]
    try:
        return Batch(encoded(_event(group, spool)), records)
    except Exception:  # noqa: BLE001 -- one that cannot be published must not hold the others back; it is set aside
        return Batch(None, records)


def _event(group: Sequence[tuple[Entry, Report]], spool: str) -> Event:
    parts = [report for _, report in group]
    first, last = parts[0], parts[-1]
    place = f"{group[0][0].before}-{group[-1][0].after}"
    identity = digest("batch", spool, place, first.team, first.model_name, first.version)
    return Event(
        RECORDED,
        _recorded(group),
        first.team,
        next((part.model_id for part in parts if part.model_id), ""),
        f"{len(parts)} predictions of {_name(first)} were recorded.",
        id=timed_id(_millis(first.at), identity),
        source=SOURCE,
        time=last.at,
        trace=_trace(parts),
    )


def _recorded(group: Sequence[tuple[Entry, Report]]) -> Any:
    """An InferenceRecorded. Raises DecodeError where the disk has something else."""
    value = b"".join([_framed(report) for _, report in group])
    if any(not isinstance(entry.record.report, Raw) for entry, _ in group):
        pb.InferenceRecorded.FromString(value)
    return Any(type_url=_TYPE_URL, value=value)


def _trace(parts: Sequence[Report]) -> dict[str, str]:
    """That of the call, where all of them come from one; each prediction has its own in any case."""
    traces = {part.traceparent for part in parts}
    return {"traceparent": traces.pop()} if len(traces) == 1 and "" not in traces else {}


def _framed(part: Report) -> bytes:
    """The payload as an element of its list, without being read."""
    return delimited(_FAILED if part.failed else _COMPLETED, part.payload)


def _name(part: Report) -> str:
    return f"version {part.version} of {part.model_name}" if part.version else part.model_name


def _millis(at: datetime) -> int:
    return int(at.timestamp()) * 1_000 + at.microsecond // 1_000
