"""Events written with the change they tell."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from uuid import UUID

from fp_events import Event, outgoing
from fp_telemetry import correlation_id, inject

if TYPE_CHECKING:
    from asyncpg import Connection, Record

CHANNEL: Final = "outbox"

# Sorted by resource, so that two transactions lock the same resources in the same order.
_SEQUENCES: Final = """
    insert into outbox_sequences as known (resource_id, last)
    select * from unnest($1::text[], $2::bigint[])
    on conflict (resource_id) do update set last = known.last + excluded.last
    returning resource_id, last
"""
_INSERT: Final = """
    insert into outbox (event_id, subject, headers, data)
    select * from unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[])
"""
_NOTIFY: Final = "select pg_notify($1, '')"


async def write(connection: "Connection[Record]", source: str, events: Sequence[Event]) -> None:
    """Give each event its sequence and keep it; the relay hears of it at the commit."""
    if not events:
        return
    counts = Counter(event.resource_id for event in events)
    resources = sorted(counts)
    rows = await connection.fetch(_SEQUENCES, resources, [counts[resource] for resource in resources])
    last = {row["resource_id"]: row["last"] for row in rows}
    messages = [outgoing(event) for event in complete(events, source, last)]
    await connection.execute(
        _INSERT,
        [UUID(message.id) for message in messages],
        [message.subject for message in messages],
        [json.dumps(dict(message.headers)) for message in messages],
        [message.data for message in messages],
    )
    await connection.execute(_NOTIFY, CHANNEL)


def complete(events: Sequence[Event], source: str, last: Mapping[str, int]) -> list[Event]:
    """The events with sequence, source, correlation and trace. last: the last sequence of each resource among them."""
    trace: dict[str, str] = {}
    inject(trace)
    left = Counter(event.resource_id for event in events)
    completed = []
    for event in events:
        left[event.resource_id] -= 1
        completed.append(
            replace(
                event,
                sequence=last[event.resource_id] - left[event.resource_id],
                source=event.source or source,
                correlation_id=event.correlation_id or correlation_id.get(),
                trace=event.trace or trace,
            )
        )
    return completed
