"""Publishing what the outbox holds, one batch after the other."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from fp_events import Bus, EncodedEvent
from fp_events.message.envelope import MESSAGE_ID, with_sequence
from fp_kernel import Error, Unavailable

from fp_postgres.failures import translated
from fp_postgres.held_queues import HeldQueues, queue_for

_READY: Final = """
select position, id, resource_id, sequence, subject, envelope, headers, copies from fp_outbox
where published_at is null and held is null order by position limit $1
"""
_HELD: Final = """
select position, id, resource_id, sequence, subject, envelope, headers, copies from fp_outbox
where published_at is null and held = $1 order by position limit $2
"""
# One step of the index for each queue, however many rows wait in it.
_QUEUES: Final = """
with recursive queue as (
    (select held from fp_outbox where published_at is null and held is not null order by held limit 1)
    union all
    select (
        select held from fp_outbox where published_at is null and held is not null and held > queue.held
        order by held limit 1
    )
    from queue where queue.held is not null
)
select held from queue where held is not null
"""
_NOTE: Final = """
update fp_outbox set published_at = case when noted.held is null then now() end, held = noted.held
from unnest($1::bigint[], $2::text[]) as noted (position, held) where fp_outbox.position = noted.position
"""


@dataclass(slots=True)
class Step:
    """read, published, failed: numbers of events. error: why the last one failed. away: the bus takes nothing."""

    read: int = 0
    published: int = 0
    failed: int = 0
    error: str = ""
    away: bool = False


class OutboxPublisher:
    """Publishes what waits, oldest first, and puts aside what the bus does not take.

    A row is read once: then it is published, or it waits in a queue of its stream or resource (`HeldQueues`), whose
    first row is tried again after a pause that grows. What waits costs the rest nothing. Rows of a resource go in the
    order of their commits within each stream; in a batch that is under way, a later one may overtake one that fails.
    """

    def __init__(self, connection: Any, bus: Bus, batch: int) -> None:
        self._connection = connection
        self._bus = bus
        self._batch = batch
        self._holds = HeldQueues()
        self._now = asyncio.get_running_loop().time

    @property
    def queues(self) -> int:
        """How many streams and resources wait."""
        return len(self._holds)

    @property
    def next_attempt(self) -> float:
        """Seconds until a queue is tried again."""
        return self._holds.wait(self._now())

    async def resume(self) -> None:
        """Find the queues that a relay before this one has left. Raises Unavailable when the database is away."""
        for row in await self._fetch(_QUEUES):
            self._holds.add(row["held"], self._now())

    async def step(self) -> Step:
        """One batch of what is new, and one of a queue whose pause is over.

        Raises Unavailable when the database is away; the bus's failures are in the result.
        """
        result = Step()
        if rows := await self._fetch(_READY, self._batch):
            await self._publish(rows, None, result)
        if not result.away and (queue := self._holds.due(self._now())) is not None:
            rows = await self._fetch(_HELD, queue, 1 if self._holds.is_probe(queue) else self._batch)
            if rows:
                await self._publish(rows, queue, result)
            else:
                self._holds.end(queue)
        return result

    async def _publish(self, rows: Sequence[Any], queue: str | None, result: Step) -> None:
        """queue: which one the rows have waited in."""
        result.read += len(rows)
        noted: dict[int, str | None] = {}
        ready = []
        for row in rows:
            waits_in = self._holds.queue_of(row["subject"], row["resource_id"])
            if waits_in in {None, queue}:
                ready.append(row)
            else:
                noted[row["position"]] = waits_in
        published = await self._bus.send([_message(row) for row in ready])
        if published.failed and not published.acked and not await self._bus_is_up():
            _, error = next(iter(published.failed.items()))
            result.failed, result.error, result.away = result.failed + len(ready), error.message, True
            return
        for row in ready:
            if str(row["id"]) in published.acked:
                noted[row["position"]] = None
                result.published += 1
            else:
                error = published.failed[str(row["id"])]
                result.failed, result.error = result.failed + 1, error.message
                if (aside := self._aside(row, error, queue)) != queue:
                    noted[row["position"]] = aside
        await self._note(noted)
        if queue is not None:
            (self._holds.went if noted else self._holds.failed)(queue, self._now())

    def _aside(self, row: Any, error: Error, queue: str | None) -> str:
        """Which queue a row that failed waits in from now on."""
        wanted = queue_for(error, row["subject"], row["resource_id"])
        if queue is not None and (queue == wanted or queue.startswith(f"{wanted} ")):
            return queue  # a resource's own queue stays what it is while its whole stream is away
        self._holds.add(wanted, self._now())
        return wanted

    async def _note(self, noted: dict[int, str | None]) -> None:
        if noted:
            with translated:
                await self._connection.execute(_NOTE, list(noted), list(noted.values()))

    async def _fetch(self, query: str, *arguments: Any) -> Sequence[Any]:
        with translated:
            rows: Sequence[Any] = await self._connection.fetch(query, *arguments)
            return rows

    async def _bus_is_up(self) -> bool:
        try:
            await self._bus.ping()
        except Unavailable:
            return False
        return True


def _message(row: Any) -> EncodedEvent:
    headers: dict[str, str] = json.loads(row["headers"])
    if row["copies"]:
        # Another message with the same event: under the old id the bus would take it for one that it has.
        headers[MESSAGE_ID] = f"{row['id']}-{row['copies']}"
    return EncodedEvent(str(row["id"]), row["subject"], with_sequence(row["envelope"], row["sequence"]), headers)
