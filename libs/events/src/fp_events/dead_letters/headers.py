"""Dead letters as messages: the message as it came, with the error beside it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from fp_kernel import new_id
from fp_kernel.times import rfc3339

from fp_events.dead_letters import DeadLetter
from fp_events.message.envelope import MESSAGE_ID, EncodedEvent
from fp_events.message.subjects import dead_subject, original_subject, replay_subject

CONSUMER: Final = "fp-dead-consumer"
REASON: Final = "fp-dead-reason"
ERROR: Final = "fp-dead-error"
ATTEMPTS: Final = "fp-dead-attempts"
TIME: Final = "fp-dead-time"
EXPECTED: Final = "Nats-Expected-Last-Subject-Sequence"
_OURS = (CONSUMER, REASON, ERROR, ATTEMPTS, TIME, EXPECTED)


def dead_letter(
    message: EncodedEvent, consumer: str, *, origin: str, attempts: int, reason: str, error: str, now: datetime
) -> EncodedEvent:
    """The dead letter of a message.

    origin: place of the message on the bus (stream and number). Giving the same message up twice, because the
    consumer died in between, makes one letter; a replay that fails again has another origin and gives a new one.
    """
    return EncodedEvent(
        id=message.id,
        subject=dead_subject(consumer, original_subject(message.subject)),
        data=message.data,
        headers={
            **plain(message.headers),
            MESSAGE_ID: f"dead-{consumer}-{origin}",
            CONSUMER: consumer,
            REASON: reason,
            ERROR: error,
            ATTEMPTS: str(attempts),
            TIME: rfc3339(now),
        },
    )


def letter(number: int, message: EncodedEvent, arrived: datetime) -> DeadLetter:
    """Read a dead letter back; what is missing in its headers is left empty."""
    given = message.headers
    consumer, subject = _address(message.subject)
    return DeadLetter(
        number=number,
        consumer=consumer,
        subject=subject,
        event_id=message.id,
        reason=given.get(REASON, ""),
        error=given.get(ERROR, ""),
        attempts=_count(given.get(ATTEMPTS, "")),
        time=_time(given.get(TIME, ""), arrived),
        data=message.data,
        headers=plain(given),
    )


def replayed(dead: DeadLetter) -> EncodedEvent:
    """The message for one more attempt. Its own Nats-Msg-Id, or the server would take it for one it has.

    The server takes it as the first message of its subject only, for as long as it keeps that one: as long as letters.
    """
    return EncodedEvent(
        id=dead.event_id,
        subject=replay_subject(dead.consumer, dead.subject, dead.number),
        data=dead.data,
        headers={**dead.headers, MESSAGE_ID: f"replay-{dead.number}", EXPECTED: "0"},
    )


def again(message: EncodedEvent, consumer: str) -> EncodedEvent:
    """A message for its consumer alone, counted from its first delivery."""
    return EncodedEvent(
        id=message.id,
        subject=replay_subject(consumer, original_subject(message.subject)),
        data=message.data,
        headers={**plain(message.headers), MESSAGE_ID: new_id()},
    )


def event_id(headers: Mapping[str, str]) -> str:
    """The id of an event whose envelope may be unreadable."""
    return headers.get("ce-id", "")


def plain(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers as the producer wrote them."""
    return {name: value for name, value in headers.items() if name not in _OURS}


def _address(subject: str) -> tuple[str, str]:
    _, _, consumer, rest = subject.split(".", 3)
    return consumer, rest


def _count(written: str) -> int:
    return int(written) if written.isdecimal() else 0


def _time(written: str, arrived: datetime) -> datetime:
    try:
        return datetime.fromisoformat(written).astimezone(UTC)
    except ValueError:
        return arrived
