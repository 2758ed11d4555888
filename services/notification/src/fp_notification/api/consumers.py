"""Which event triggers what."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from forgepoint.events.v1 import events_pb2
from fp_events import Event, Poison, durable
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from fp_notification.app.add_members import AddMembers
from fp_notification.app.end_members import EndMembers
from fp_notification.app.notify import Notify
from fp_notification.app.ports import Change, Member
from fp_notification.domain.matching import Facts
from fp_notification.domain.severity import severity_of

EVENTS = durable("notification")

__all__ = ["EVENTS", "facts", "handler"]

_LONGEST_DETAIL = 200
_USER = "user"
_NOTIFIED_REASONS = frozenset(("disabled", "deleted", "suspended"))
_SCALARS = {
    FieldDescriptor.CPPTYPE_STRING,
    FieldDescriptor.CPPTYPE_INT32,
    FieldDescriptor.CPPTYPE_INT64,
    FieldDescriptor.CPPTYPE_DOUBLE,
    FieldDescriptor.CPPTYPE_BOOL,
}


def handler(
    add_members: AddMembers, end_members: EndMembers, notify: Notify, observe: Callable[[int], None]
) -> Callable[[Sequence[Event]], Awaitable[None]]:
    """`EVENTS` -> members, then notifications. observe: called with the number of new notifications."""

    async def handle(events: Sequence[Event]) -> None:
        created = [(each.payload, each.time) for each in events if isinstance(each.payload, events_pb2.UserCreated)]
        members = [_member(payload, time) for payload, time in created]
        if members:
            await add_members(members)
        changes = [change for change in map(_change, events) if change is not None]
        if changes:
            await end_members(changes)
        observe(await notify([facts(event) for event in events if _is_news(event)]))

    return handle


def facts(event: Event) -> Facts:
    return Facts(
        event_id=event.id,
        type=event.type,
        team=event.team,
        severity=severity_of(event.severity),
        source=event.source,
        resource_id=event.resource_id,
        summary=event.summary,
        actor=event.actor,
        time=event.time,
        correlation_id=event.correlation_id,
        trace=event.trace,
        details=Details(event.payload) if event.known else {},
    )


def _change(event: Event) -> Change | None:
    """Of an event that says whether a person may come in; None for any other."""
    said = event.payload
    if isinstance(said, events_pb2.IdentityRestored) and said.kind == _USER:
        return Change(event.team, said.id, said.revision, None)
    if isinstance(said, events_pb2.IdentityEnded) and said.kind == _USER and not said.HasField("before"):
        return Change(event.team, said.id, said.revision, event.time, forget=said.reason == "deleted")
    return None


def _is_news(event: Event) -> bool:
    """Logins, passwords and jobs that end are nobody's business but the person's."""
    return not isinstance(event.payload, events_pb2.IdentityEnded) or event.payload.reason in _NOTIFIED_REASONS


def _member(payload: events_pb2.UserCreated, time: datetime) -> Member:
    """Raises Poison for a user without a team. time: of the event, for a payload that names none."""
    if not payload.team or not payload.user_id:
        raise Poison("the event names no user of a team")
    known = payload.HasField("created_at")
    return Member(payload.team, payload.user_id, payload.created_at.ToDatetime(UTC) if known else time)


class Details(Mapping[str, str]):
    """The plain fields of a payload, which templates may name. Read when a text is rendered, not before."""

    def __init__(self, payload: Message) -> None:
        self._payload = payload

    def __getitem__(self, name: str) -> str:
        field = self._payload.DESCRIPTOR.fields_by_name.get(name)
        if field is None or not _is_plain(field):
            raise KeyError(name)
        return str(getattr(self._payload, name))[:_LONGEST_DETAIL]

    def __iter__(self) -> Iterator[str]:
        return (field.name for field in self._payload.DESCRIPTOR.fields if _is_plain(field))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _is_plain(field: FieldDescriptor) -> bool:
    return field.cpp_type in _SCALARS and not field.is_repeated
