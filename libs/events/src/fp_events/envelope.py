"""Events as messages: `forgepoint.common.v1.EventEnvelope` with CloudEvents 1.0 headers in binary mode."""

from collections.abc import Mapping
from dataclasses import dataclass

from fp_events.event import Event


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An encoded event. id: of the event; the server and the consumers deduplicate by it."""

    id: str
    subject: str
    data: bytes
    headers: Mapping[str, str]


def encode(event: Event) -> bytes:
    """The serialised envelope. Raises ValueError for a type that is no subject or an id that is no UUID."""
    raise NotImplementedError


def headers(event: Event) -> dict[str, str]:
    """Nats-Msg-Id, content-type, traceparent/tracestate and the CloudEvents attributes."""
    raise NotImplementedError


def outgoing(event: Event) -> Outgoing:
    return Outgoing(event.id, event.type, encode(event), headers(event))


def decode(data: bytes, headers: Mapping[str, str] | None = None) -> Event:
    """Read a message back. Raises Poison when it is no envelope of an event that this build knows."""
    raise NotImplementedError
