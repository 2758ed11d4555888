"""What a record of the spool holds."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from fp_events import Outgoing

from fp_inference.app.values import Replay


@dataclass(frozen=True, slots=True)
class Record:
    """An event ready to be published, and the answer of its command where that had a key."""

    message: Outgoing
    replay: Replay | None


def pack(record: Record) -> Sequence[bytes]:
    message, replay = record.message, record.replay
    sections = [
        message.id.encode(),
        message.subject.encode(),
        message.data,
        json.dumps(dict(message.headers)).encode(),
    ]
    if replay is not None:
        sections += (replay.digest, replay.fingerprint, replay.response)
        if replay.day is not None:
            sections.append(replay.day.isoformat().encode())
    return sections


def unpack(sections: Sequence[bytes]) -> Record:
    event_id, subject, data, headers, *replay = sections
    message = Outgoing(event_id.decode(), subject.decode(), data, json.loads(headers))
    return Record(message, _replay(*replay) if replay else None)


def _replay(digest: bytes, fingerprint: bytes, response: bytes, day: bytes = b"") -> Replay:
    return Replay(digest, fingerprint, response, date.fromisoformat(day.decode()) if day else None)
