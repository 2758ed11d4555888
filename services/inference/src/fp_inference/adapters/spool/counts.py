"""How much was recorded, for billing to compare with what it metered: counted apart from what is published."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from forgepoint.events.v1 import events_pb2 as pb
from fp_events import EncodedEvent, Event, decode, encoded
from google.protobuf.message import DecodeError

from fp_inference.adapters.events import COUNTED, SOURCE
from fp_inference.adapters.spool.raw import Raw
from fp_inference.adapters.spool.records import Record, Report


@dataclass(slots=True)
class _Count:
    """Of one team and day."""

    predictions: int = 0
    rows: int = 0
    tokens: int = 0
    unrecorded_rows: int = 0


class Counts:
    """Predictions that were recorded since the last count that was written, by team and UTC day of their answer."""

    def __init__(self) -> None:
        self._days: dict[str, dict[date, _Count]] = {}

    def add(self, record: Record) -> None:
        """A record as it was appended. Failed predictions cost nothing and are not counted."""
        report = record.report
        if isinstance(report, Raw):
            count = self._of(report.team, report.at)
            count.predictions += 1
            count.rows += report.rows
        elif isinstance(report, Report) and not report.failed:
            count = self._of(report.team, report.at)
            count.predictions += 1
            count.rows += report.rows
            count.tokens += report.tokens

    def lose(self, team: str, at: datetime, rows: int) -> None:
        """An answered prediction of so many rows could not be recorded."""
        self._of(team, at).unrecorded_rows += rows

    def replay(self, records: Iterable[Record]) -> None:
        """Read what is in a segment: everything behind the last count of each team was not counted yet."""
        for record in records:
            if isinstance(record.report, EncodedEvent):
                if record.report.subject == COUNTED:
                    self._days.pop(decode(record.report.data).team, None)
            else:
                self.add(_measured(record))

    def events(self) -> Iterator[EncodedEvent]:
        """One for each team."""
        for team, days in sorted(self._days.items()):
            payload = pb.InferenceCounted(counts=[_count(day, found) for day, found in sorted(days.items())])
            total = sum(found.predictions for found in days.values())
            yield encoded(Event(COUNTED, payload, team, team, f"{total} predictions were counted.", source=SOURCE))

    def clear(self) -> None:
        """They are written."""
        self._days.clear()

    def _of(self, team: str, at: datetime) -> _Count:
        return self._days.setdefault(team, {}).setdefault(at.astimezone(UTC).date(), _Count())


def _measured(record: Record) -> Record:
    """As it was when it was appended: its file has no numbers beside the payload."""
    report = record.report
    if not isinstance(report, Report) or report.failed:
        return record
    try:
        payload = pb.InferenceCompleted.FromString(report.payload)
    except DecodeError:
        # No message can be made of it either: it was recorded, and the comparison shows that it is not billed.
        return record
    return Record(report.measured(payload.rows, payload.token_count), None)


def _count(day: date, found: _Count) -> pb.InferenceCount:
    count = pb.InferenceCount(
        predictions=found.predictions,
        rows=found.rows,
        tokens=found.tokens,
        unrecorded_rows=found.unrecorded_rows,
    )
    count.day.FromDatetime(datetime.combine(day, time(), UTC))
    return count
