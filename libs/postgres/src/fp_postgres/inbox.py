"""Rows of events whose effect is here."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final
from uuid import UUID

if TYPE_CHECKING:
    from asyncpg import Connection, Record

_FIRST: Final = "insert into inbox (consumer, event_id) values ($1, $2) on conflict do nothing returning true"
_FRESH: Final = """
    insert into inbox (consumer, event_id) select $1, unnest($2::uuid[])
    on conflict do nothing returning event_id
"""


class TableInbox:
    """See `transaction.Inbox`."""

    def __init__(self, connection: "Connection[Record]") -> None:
        self._connection = connection

    async def first(self, consumer: str, event_id: str) -> bool:
        return bool(await self._connection.fetchval(_FIRST, consumer, UUID(event_id)))

    async def fresh(self, consumer: str, event_ids: Iterable[str]) -> set[str]:
        by_id = {UUID(event_id): event_id for event_id in event_ids}
        # In one order everywhere: replicas that share events then wait for each other instead of deadlocking.
        rows = await self._connection.fetch(_FRESH, consumer, sorted(by_id))
        return {by_id[UUID(int=row["event_id"].int)] for row in rows}
