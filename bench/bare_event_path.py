"""The floor of `event_path`: the same work with asyncpg and nats-py alone."""

import asyncio
from collections.abc import Sequence
from typing import Any, Self

import asyncpg
import nats
from forgepoint.common.v1.common_pb2 import EventEnvelope
from forgepoint.events.v1.events_pb2 import InferenceCompleted
from fp_events import Event, encode
from fp_events.streams import INFERENCE
from nats.js.api import DiscardPolicy

DURABLE = "bare"
SUBJECT = "bare.inference.completed"
OUTBOX = """
insert into fp_outbox (id, resource_id, sequence, subject, envelope, headers)
select *, '{}' from unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[], $5::bytea[])
"""
WAITING = "select position, id, subject, envelope from fp_outbox where published_at is null order by position limit $1"
MARK = "update fp_outbox set published_at = now() where position = any($1::bigint[])"
INBOX = """
insert into fp_inbox (consumer, event_id) select $1, id from unnest($2::uuid[]) as given (id) order by id
on conflict do nothing returning event_id
"""
EFFECT = """
insert into effects (event_id, model, latency_ms) select * from unnest($1::uuid[], $2::text[], $3::bigint[])
"""


class Bare:
    def __init__(self, pool: Any, client: Any, subscription: Any, consumed: int, published: int) -> None:
        self._pool = pool
        self._client = client
        self._stream = client.jetstream()
        self._subscription = subscription
        self._consumed = consumed
        self._published = published

    @classmethod
    async def open(cls, postgres_url: str, nats_url: str, consumed: int, published: int) -> Self:
        pool = await asyncpg.create_pool(postgres_url, min_size=3, max_size=5)
        client = await nats.connect(nats_url)
        stream = client.jetstream()
        await stream.add_stream(
            name="BARE",
            subjects=[SUBJECT],
            retention=INFERENCE.retention.value,
            max_bytes=INFERENCE.max_bytes,
            max_age=INFERENCE.max_age.total_seconds(),
            discard=DiscardPolicy.NEW,
            duplicate_window=INFERENCE.duplicate_window.total_seconds(),
        )
        subscription = await stream.pull_subscribe(SUBJECT, durable=DURABLE, stream="BARE")
        return cls(pool, client, subscription, consumed, published)

    async def fill(self, events: Sequence[Event], at_once: int = 100) -> None:
        for start in range(0, len(events), at_once):
            part = events[start : start + at_once]
            async with self._pool.acquire() as connection, connection.transaction():
                await connection.execute(
                    OUTBOX,
                    [event.id for event in part],
                    [event.resource_id for event in part],
                    list(range(start, start + len(part))),
                    [SUBJECT] * len(part),
                    [encode(event) for event in part],
                )

    async def run(self, count: int) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._relay(count))
            group.create_task(self._consume(count))

    async def close(self) -> None:
        await self._client.close()
        await self._pool.close()

    async def _relay(self, count: int) -> None:
        async with self._pool.acquire() as connection:
            while count:
                rows = await connection.fetch(WAITING, self._published)
                acks = [
                    await self._stream.publish_async(
                        row["subject"], row["envelope"], headers={"Nats-Msg-Id": str(row["id"])}
                    )
                    for row in rows
                ]
                await asyncio.gather(*acks)
                await connection.execute(MARK, [row["position"] for row in rows])
                count -= len(rows)

    async def _consume(self, count: int) -> None:
        while count:
            messages = await self._subscription.fetch(self._consumed, timeout=5)
            count -= await self._take([EventEnvelope.FromString(message.data) for message in messages])
            for message in messages:
                await message.ack()

    async def _take(self, envelopes: Sequence[EventEnvelope]) -> int:
        payloads = {envelope.id: InferenceCompleted.FromString(envelope.data.value) for envelope in envelopes}
        async with self._pool.acquire() as connection, connection.transaction():
            fresh = [str(row[0]) for row in await connection.fetch(INBOX, DURABLE, list(payloads))]
            chosen = [payloads[event_id] for event_id in fresh]
            await connection.execute(
                EFFECT, fresh, [payload.model_name for payload in chosen], [payload.latency_ms for payload in chosen]
            )
        return len(fresh)
