"""Events as messages: `forgepoint.common.v1.EventEnvelope` with CloudEvents 1.0 headers in binary mode."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from forgepoint.common.v1.common_pb2 import EventEnvelope
from forgepoint.events.v1 import events_pb2
from fp_kernel import InvalidArgument
from fp_kernel.times import rfc3339, seconds_and_nanos, utc
from google.protobuf.any_pb2 import Any
from google.protobuf.message import DecodeError, Message

from fp_events.message.event import Event, Poison, Severity
from fp_events.message.subjects import is_subject, original_subject, type_of

MESSAGE_ID = "Nats-Msg-Id"
CONTENT_TYPE = "content-type"
PROTOBUF = "application/protobuf"
TRACE = ("traceparent", "tracestate")

_TYPE_URL = "type.googleapis.com/"
_PACKAGE = events_pb2.DESCRIPTOR.package
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_SEQUENCE_TAG = b"\xc0\x06"  # field 104 as a varint

MAX_BYTES = 1_000_000
"""Of an envelope: the server's limit of a mebibyte, less room for headers."""


@dataclass(frozen=True, slots=True)
class EncodedEvent:
    """An encoded event. id: of the event; the server and the consumers deduplicate by it."""

    id: str
    subject: str
    data: bytes
    headers: Mapping[str, str]


def encode(event: Event) -> bytes:
    """The serialised envelope.

    Raises ValueError for a type that is no subject or an id that is no UUID, InvalidArgument for an event larger than
    `MAX_BYTES`: its producer must hear that, not the relay that could never publish it.
    """
    _check(event.type, event.id)
    envelope = EventEnvelope(
        id=event.id,
        type=event.type,
        source=event.source,
        correlation_id=event.correlation_id,
        team=event.team,
        actor=event.actor,
        resource_id=event.resource_id,
        sequence=event.sequence,
        summary=event.summary,
    )
    envelope.severity = event.severity.value  # type: ignore[assignment]  # the same numbers
    envelope.timestamp.seconds, envelope.timestamp.nanos = seconds_and_nanos(event.time)
    if isinstance(event.payload, Any):
        envelope.data.CopyFrom(event.payload)
    else:
        envelope.data.type_url = _TYPE_URL + event.payload.DESCRIPTOR.full_name
        envelope.data.value = event.payload.SerializeToString()
    data = envelope.SerializeToString()
    if len(data) > MAX_BYTES:
        raise InvalidArgument(f"event {event.type} has {len(data)} bytes, {MAX_BYTES} fit", reason="EVENT_TOO_LARGE")
    return data


def headers(event: Event) -> dict[str, str]:
    """Nats-Msg-Id, content-type, traceparent/tracestate and the CloudEvents attributes."""
    made = {
        MESSAGE_ID: event.id,
        CONTENT_TYPE: PROTOBUF,
        "ce-id": event.id,
        "ce-type": event.type,
        "ce-source": event.source,
        "ce-time": rfc3339(event.time),
        "ce-specversion": "1.0",
    }
    for name in TRACE:
        if value := event.trace.get(name):
            made[name] = value
    return made


def encoded(event: Event) -> EncodedEvent:
    return EncodedEvent(event.id, event.subject, encode(event), headers(event))


def with_sequence(data: bytes, sequence: int) -> bytes:
    """The envelope with another sequence, without reading it: of a field that comes twice, the last one counts."""
    return data + _SEQUENCE_TAG + _varint(sequence)


def decode(data: bytes, headers: Mapping[str, str] | None = None) -> Event:
    """Read a message back; its payload is an `Any` when this build lacks the message (`Event.known`).

    Raises Poison for what is no envelope, and for a known payload that cannot be read.
    """
    try:
        envelope = EventEnvelope.FromString(data)
    except DecodeError:
        raise Poison("message is no event envelope", reason="NOT_AN_ENVELOPE") from None
    stamp = envelope.timestamp
    try:
        _check(envelope.type, envelope.id)
        payload = _payload(envelope.data)
        time = utc(stamp.seconds, stamp.nanos)
        severity = Severity(envelope.severity)
    except (ValueError, OverflowError, DecodeError) as error:
        raise Poison(f"envelope cannot be read: {error}", reason="BAD_ENVELOPE") from None
    return Event(
        type=envelope.type,
        payload=payload,
        team=envelope.team,
        resource_id=envelope.resource_id,
        summary=envelope.summary,
        actor=envelope.actor,
        severity=severity,
        id=envelope.id,
        source=envelope.source,
        time=time,
        correlation_id=envelope.correlation_id,
        sequence=envelope.sequence,
        trace={name: headers[name] for name in TRACE if name in headers} if headers else {},
    )


def received(subject: str, data: bytes, headers: Mapping[str, str] | None = None) -> Event:
    """As `decode`, for a message as it came from the bus under this subject.

    The server holds each service to its own subjects and does not look into envelopes. Handlers go by the type, and of
    what several services tell by the source: those that are not the subject's speak for another service.
    """
    event, came = decode(data, headers), original_subject(subject)
    # An audit record of a build before ADR 0206 came under its type alone, which nobody may publish any more.
    # With the noun in its type, an event could have any source.
    if event.type != type_of(came) or came not in (event.type, event.subject):
        raise Poison(
            f"event of type {event.type} from {event.source} came under another subject",
            reason="TYPE_IS_NOT_ITS_SUBJECT",
        )
    return event


def _check(subject: str, event_id: str) -> None:
    if not _known_subject(subject):
        raise ValueError(f"type {subject!r} is no subject")
    # In the one form that databases write, or an inbox would note one id and look for another.
    if _UUID.fullmatch(event_id) is None:
        raise ValueError(f"id {event_id!r} is no UUID")


def _varint(number: int) -> bytes:
    written = bytearray()
    while number > 0x7F:  # noqa: PLR2004 -- seven bits a byte
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)


@lru_cache(maxsize=1024)
def _known_subject(subject: str) -> bool:
    return is_subject(subject)


def _payload(data: Any) -> Message:
    """Raises ValueError when there is none, DecodeError when a known one cannot be read."""
    if not data.type_url:
        raise ValueError("there is no payload")
    known = _payload_class(data.type_url)
    return data if known is None else known.FromString(data.value)


@lru_cache(maxsize=256)
def _payload_class(type_url: str) -> type[Message] | None:
    package, _, name = type_url.rpartition("/")[2].rpartition(".")
    if package != _PACKAGE or name not in _messages():
        return None
    found: type[Message] | None = getattr(events_pb2, name, None)
    return found


def _messages() -> Mapping[str, object]:
    known: Mapping[str, object] = events_pb2.DESCRIPTOR.message_types_by_name
    return known
