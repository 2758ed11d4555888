"""One pass over what is not published."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from fp_events import Bus, Outgoing, Published
from fp_events.envelope import MESSAGE_ID, with_sequence
from fp_kernel import Unavailable

from fp_postgres.failures import translated

_WAITING: Final = """
select position, id, resource_id, sequence, subject, envelope, headers, copies from fp_outbox
where published_at is null and position > $1 order by position limit $2
"""
_MARK: Final = "update fp_outbox set published_at = now() where position = any($1::bigint[])"


@dataclass(slots=True)
class Drained:
    """published, failed: numbers of events. error: why the last one failed."""

    published: int = 0
    failed: int = 0
    error: str = ""


class Drain:
    """Goes once through the outbox, oldest first.

    Rows that become visible behind the pass (their transaction was slower) wait for the next one; a resource's rows
    become visible in their order. When an event fails, later events of its resource wait with it for the next pass.
    """

    def __init__(self, connection: Any, bus: Bus, batch: int) -> None:
        self._connection = connection
        self._bus = bus
        self._batch = batch
        self._held: set[str] = set()
        self._result = Drained()

    async def run(self) -> Drained:
        """Raises Unavailable when the database is away; the bus's failures are in the result."""
        position = 0
        while rows := await self._read(position):
            position = rows[-1]["position"]
            ready = [row for row in rows if row["resource_id"] not in self._held]
            published = await self._bus.send([_message(row) for row in ready])
            await self._note(ready, published)
            if len(rows) < self._batch or (published.failed and not await self._bus_is_up()):
                break
        return self._result

    async def _read(self, position: int) -> Sequence[Any]:
        with translated:
            rows: Sequence[Any] = await self._connection.fetch(_WAITING, position, self._batch)
            return rows

    async def _note(self, rows: Sequence[Any], published: Published) -> None:
        acked = [row["position"] for row in rows if str(row["id"]) in published.acked]
        if acked:
            with translated:
                await self._connection.execute(_MARK, acked)
        self._result.published += len(acked)
        self._result.failed += len(rows) - len(acked)
        for row in rows:
            if error := published.failed.get(str(row["id"])):
                self._held.add(row["resource_id"])
                self._result.error = error.message

    async def _bus_is_up(self) -> bool:
        try:
            await self._bus.ping()
        except Unavailable:
            return False
        return True


def _message(row: Any) -> Outgoing:
    headers: dict[str, str] = json.loads(row["headers"])
    if row["copies"]:
        # Another message with the same event: under the old id the bus would take it for one that it has.
        headers[MESSAGE_ID] = f"{row['id']}-{row['copies']}"
    return Outgoing(str(row["id"]), row["subject"], with_sequence(row["envelope"], row["sequence"]), headers)
