"""Events of a transaction."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, Generic, Protocol, TypeVar

from fp_events import EncodedEvent, Event, encoded
from fp_events.publisher.origin import attributed

E = TypeVar("E")

CHANNEL: Final = "fp_outbox"

# One round trip: numbers for the resources (in one order everywhere, so that two transactions cannot lock each other
# out), then the rows. The lock on a resource's number is held until the commit: a later commit has a later sequence.
_INSERT: Final = """
with event as (
    select * from unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[], $5::text[])
        with ordinality as given (id, resource_id, subject, envelope, headers, place)
), wanted as (
    select resource_id, count(*) as number from event group by resource_id order by resource_id collate "C"
), counted as (
    insert into fp_sequences as present (resource_id, value)
    select resource_id, number + (select value from fp_sequence_floor where one) from wanted
    on conflict (resource_id) do update
        set value = present.value + excluded.value - (select value from fp_sequence_floor where one), last_at = now()
    returning resource_id, value
)
insert into fp_outbox (id, resource_id, sequence, subject, envelope, headers)
select event.id, resource_id,
       counted.value - wanted.number + row_number() over (partition by resource_id order by event.place),
       event.subject, event.envelope, event.headers
from event join wanted using (resource_id) join counted using (resource_id)
order by event.place
"""
_INSERT_AND_NOTIFY: Final = f"{_INSERT} returning pg_notify('{CHANNEL}', '')"


class Outbox(Protocol):
    """Events that leave when the transaction commits."""

    def add(self, event: Event) -> None:
        """Store the event with the change. The outbox gives it its sequence, and source, correlation and trace.

        Raises ValueError for an event that no bus would take, InvalidArgument for one that is too large.
        """


class ConvertingOutbox(Generic[E]):
    """The outbox of a transaction for a service's own events. convert: makes the event of the bus of each."""

    def __init__(self, outbox: Outbox, convert: Callable[[E], Event]) -> None:
        self._outbox = outbox
        self._convert = convert

    def add(self, event: E) -> None:
        """Raises what `Outbox.add` raises."""
        self._outbox.add(self._convert(event))


class PostgresOutbox:
    def __init__(self, source: str) -> None:
        self._source = source
        self._events: list[tuple[str, EncodedEvent]] = []

    def add(self, event: Event) -> None:
        complete = attributed(event, self._source)
        if complete.sequence:
            complete = replace(complete, sequence=0)
        self._events.append((event.resource_id, encoded(complete)))

    def __bool__(self) -> bool:
        return bool(self._events)

    async def write(self, connection: Any, *, notify: bool) -> None:
        """Write the rows. notify: wake a relay in another process."""
        events, self._events = self._events, []
        await connection.execute(
            _INSERT_AND_NOTIFY if notify else _INSERT,
            [message.id for _, message in events],
            [resource_id for resource_id, _ in events],
            [message.subject for _, message in events],
            [message.data for _, message in events],
            [json.dumps(message.headers) for _, message in events],
        )
