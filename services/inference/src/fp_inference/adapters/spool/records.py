"""The records of the spool."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from fp_events import EncodedEvent
from fp_kernel.times import at_microseconds, microseconds

from fp_inference.adapters.spool.raw import RAW, Raw, of_sections
from fp_inference.app.values import Replay

# Begins a report on disk, where records of single events begin with an id; written by earlier builds too.
_REPORT = b"told"


@dataclass(frozen=True, slots=True)
class Report:
    """A prediction for the next batch of its team, model and version.

    payload: InferenceCompleted or InferenceFailed, encoded. version: empty for one that no version was asked for.
    traceparent: of the call. rows, tokens: of the payload; they are not written beside it.
    """

    team: str
    model_id: str
    model_name: str
    version: str
    failed: bool
    at: datetime
    payload: bytes
    traceparent: str = ""
    rows: int = 1
    tokens: int = 0

    def measured(self, rows: int, tokens: int) -> "Report":
        """With what it costs; a request without rows costs one."""
        return replace(self, rows=rows or 1, tokens=tokens)


@dataclass(frozen=True, slots=True)
class Record:
    """report: a prediction, whose event is built or not yet, or, from a process before there were batches and for a
    count, an event ready to be published.
    replay: the answer of its command where that had a key.
    """

    report: Report | Raw | EncodedEvent
    replay: Replay | None


def pack(record: Record) -> Sequence[bytes]:
    report, replay = record.report, record.replay
    if isinstance(report, Raw):
        sections = [*report.sections]
    else:
        sections = [*_single(report)] if isinstance(report, EncodedEvent) else [*_part(report)]
    if replay is not None:
        sections += (replay.digest, replay.fingerprint, replay.response)
        if replay.day is not None:
            sections.append(replay.day.isoformat().encode())
    return sections


def unpack(sections: Sequence[bytes]) -> Record:
    """Raises an exception of whatever type for sections that are no record."""
    if sections[0] == RAW:
        prediction = of_sections(sections)
        rest = sections[len(prediction.sections) :]
        return Record(prediction, _replay(*rest) if rest else None)
    if sections[0] == _REPORT:
        _, team, model_id, model_name, version, failed, at, payload, traceparent, *replay = sections
        report = Report(
            team.decode(),
            model_id.decode(),
            model_name.decode(),
            version.decode(),
            bool(failed),
            at_microseconds(int(at)),
            payload,
            traceparent.decode(),
        )
        return Record(report, _replay(*replay) if replay else None)
    event_id, subject, data, headers, *replay = sections
    message = EncodedEvent(event_id.decode(), subject.decode(), data, json.loads(headers))
    return Record(message, _replay(*replay) if replay else None)


def _part(report: Report) -> Sequence[bytes]:
    return (
        _REPORT,
        report.team.encode(),
        report.model_id.encode(),
        report.model_name.encode(),
        report.version.encode(),
        b"1" if report.failed else b"",
        str(microseconds(report.at)).encode(),
        report.payload,
        report.traceparent.encode(),
    )


def _single(message: EncodedEvent) -> Sequence[bytes]:
    return message.id.encode(), message.subject.encode(), message.data, json.dumps(dict(message.headers)).encode()


def _replay(digest: bytes, fingerprint: bytes, response: bytes, day: bytes = b"") -> Replay:
    return Replay(digest, fingerprint, response, date.fromisoformat(day.decode()) if day else None)
