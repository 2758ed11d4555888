"""Events and dead letters as lines and records."""

import base64
from typing import Any

from fp_events import DeadLetter, Event, Poison, decode
from fp_events.consumer.tail import TailedEvent
from google.protobuf.any_pb2 import Any as AnyMessage

from fp_cli.cells import printable
from fp_cli.messages import plain


def facts(passed: TailedEvent) -> dict[str, Any]:
    return {"subject": passed.subject, "size": passed.size, "event": _event(passed.event)}


def line(passed: TailedEvent) -> str:
    event = passed.event
    if event is None:
        return f"{passed.subject}  {passed.size} bytes that cannot be read"
    time = event.time.astimezone().strftime("%H:%M:%S")
    return printable(f"{time}  {passed.subject}  {event.team or '-'}  {event.summary}  {event.resource_id}")


def letter(found: DeadLetter, *, whole: bool = False) -> dict[str, Any]:
    facts = {
        "number": found.number,
        "consumer": found.consumer,
        "type": found.subject,
        "event_id": found.event_id,
        "attempts": found.attempts,
        "reason": found.reason,
        "error": found.error,
        "at": found.time.isoformat(timespec="seconds"),
    }
    if not whole:
        return facts
    try:
        return facts | {"event": _event(decode(found.data, found.headers))}
    except Poison as error:
        return facts | {"event": None, "unreadable": str(error)}


def _event(event: Event | None) -> dict[str, Any] | None:
    if event is None:
        return None
    return {
        "id": event.id,
        "type": event.type,
        "source": event.source,
        "time": event.time.isoformat(),
        "team": event.team,
        "actor": event.actor,
        "resource_id": event.resource_id,
        "sequence": event.sequence,
        "correlation_id": event.correlation_id,
        "summary": event.summary,
        "data": _data(event),
    }


def _data(event: Event) -> Any:
    """The payload; of one that a later build made its name and bytes."""
    if isinstance(event.payload, AnyMessage):
        return {"@type": event.payload.type_url, "value": base64.b64encode(event.payload.value).decode()}
    return plain(event.payload)
