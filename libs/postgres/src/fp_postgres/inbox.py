"""The inbox: events that were handled."""

from collections.abc import Iterable
from typing import Any, Final, Protocol
from uuid import UUID

from fp_postgres.failures import translated

_FIRST: Final = """
insert into fp_inbox (consumer, event_id) values ($1, $2) on conflict do nothing returning true
"""
# In one order everywhere: two replicas that got the same batch wait for each other, and do not lock each other out.
_FRESH: Final = """
insert into fp_inbox (consumer, event_id)
select $1, id from unnest($2::uuid[]) as given (id) order by id
on conflict do nothing
returning event_id
"""


class Inbox(Protocol):
    """What this database has taken from the bus."""

    async def first(self, consumer: str, event_id: str) -> bool:
        """Note the event; False when its effect is here already. A concurrent twin waits for the first."""

    async def fresh(self, consumer: str, event_ids: Iterable[str]) -> set[str]:
        """Note a batch; the ids whose effect is not here yet."""


class PostgresInbox:
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def first(self, consumer: str, event_id: str) -> bool:
        with translated:
            return bool(await self._connection.fetchval(_FIRST, consumer, event_id))

    async def fresh(self, consumer: str, event_ids: Iterable[str]) -> set[str]:
        ids = set(event_ids)
        with translated:
            rows = await self._connection.fetch(_FRESH, consumer, list(ids))
        if len(rows) == len(ids):
            return ids
        noted = {row[0] for row in rows}
        return {event_id for event_id in ids if UUID(event_id) in noted}
