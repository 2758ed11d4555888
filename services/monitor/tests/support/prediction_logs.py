"""The prediction log of one replica, over real stores, and predictions for it."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from struct import pack
from typing import Any
from unittest.mock import AsyncMock
from uuid import UUID

from fp_kernel import NO_COMMAND, Clock, new_id
from fp_kernel.tensors import ElementType, Tensor
from fp_monitor.adapters import parquet
from fp_monitor.adapters.postgres.erased_entities import PostgresErasedEntities
from fp_monitor.adapters.postgres.left_files import PostgresLeftFiles
from fp_monitor.adapters.postgres.log import PostgresLogTransactions
from fp_monitor.adapters.postgres.log_reads import PostgresLogReads, PostgresWaste
from fp_monitor.app.erase_entities import EraseEntities
from fp_monitor.app.forget_log import ForgetLog
from fp_monitor.app.label_log import LabelLog
from fp_monitor.app.log_ports import LogStores
from fp_monitor.app.merge_log import MergeLog
from fp_monitor.app.read_log import Chosen, ReadLog
from fp_monitor.app.set_log import DeleteLog, EraseLogged, SetLog, Wanted
from fp_monitor.app.write_log import LoggedBatch, WriteLog
from fp_monitor.domain.entities import erased_entity
from fp_monitor.domain.log import LogFile, Logged, LoggedTensor, Policy
from fp_s3 import Location, ObjectStore

TEAM, MODEL = "alpha", "delays"
SECOND = timedelta(seconds=1)


def store(bucket: Any) -> ObjectStore:
    return ObjectStore(Location(bucket.endpoint, bucket.name, bucket.access_key, bucket.secret_key, own="predictions/"))


def request_id(at: datetime, number: int) -> str:
    """As inference makes it: the moment, then what nobody else has."""
    return str(UUID(int=(round(at.timestamp() * 1_000) << 80) | number))


def logged(at: datetime, number: int, *, version: str = "1") -> Logged:
    x = Tensor(ElementType.FLOAT32, (1, 2), pack("<2f", number, 0.5))
    name = Tensor(ElementType.STRING, (1,), b"\x03\0\0\0ann")
    return Logged(
        request_id(at, number),
        at,
        version,
        "id of delays",
        False,
        1_500,
        1,
        {"x": LoggedTensor(x, ("age", "hour")), "name": LoggedTensor(name)},
        {"p": LoggedTensor(Tensor(ElementType.FLOAT32, (1, 1), pack("<f", number / 1_000)))},
    )


def batch(predictions: Sequence[Logged], *, model: str = MODEL, event_id: str = "") -> LoggedBatch:
    return LoggedBatch(event_id or new_id(), TEAM, model, predictions)


class LogWorld:
    """The use-cases of one replica. objects: may be wrapped by the test."""

    def __init__(self, database: Any, objects: Any, clock: Clock) -> None:
        self.clock, self.database, self.objects = clock, database, objects
        self.transactions, self.reads = PostgresLogTransactions(database), PostgresLogReads(database)
        self.waste = PostgresWaste(database)
        self.left = PostgresLeftFiles(database)
        self.unreadable: list[LogFile] = []
        self.entities = PostgresErasedEntities(database)
        stores = LogStores(self.transactions, self.reads, self.waste, self.left, self.entities, objects)
        self.write = WriteLog(stores, parquet.encode, clock, consumer="monitor-log")
        self.merge = MergeLog(stores, parquet.merge, clock, self.unreadable.append)
        self.forget = ForgetLog(stores, clock, events=timedelta(days=3))
        self.label = LabelLog(stores, parquet, clock, labels_wait=timedelta(days=60), unreadable=self.unreadable.append)
        self.read = ReadLog(stores, parquet.read, clock, self.unreadable.append)
        self.erase_entities = EraseEntities(stores, self.merge, parquet.concerned, self.unreadable.append)
        self._set = SetLog(self.transactions, self.reads, self.left, AsyncMock(), clock)
        self._erase = EraseLogged(self.transactions, clock)
        self._delete = DeleteLog(self.transactions, self.left, clock)

    async def policy(
        self,
        *masked: str,
        model: str = MODEL,
        sample_bps: int = 10_000,
        days: int = 30,
        expected: int | None = None,
    ) -> Policy:
        return await self._set(TEAM, Wanted(model, sample_bps, masked, days), NO_COMMAND, by="ann", expected=expected)

    async def erase(self, *request_ids: str, model: str = MODEL) -> None:
        await self._erase(TEAM, model, request_ids, NO_COMMAND)

    async def erase_entity(self, name: str, value: str, *, model: str = MODEL) -> None:
        await self._erase.entity(TEAM, model, erased_entity(name, value), NO_COMMAND)

    async def stored(self) -> set[str]:
        """Ids in files that count."""
        contents = [await self.objects.get(each, limit=1_000_000) for each in await self.objects_that_count()]
        return {each for content in contents if content is not None for each in parquet.request_ids(content)}

    async def label_table(self, prediction: Logged, actual: str) -> None:
        """As SubmitGroundTruth stores it of a monitored model."""
        await self.database.execute(
            """
            INSERT INTO predictions (team, model_name, request_id, version, predicted_at, label, actual, observed_at)
            VALUES ($1, $2, $3, '1', $4, '', $5, $6)
            """,
            TEAM,
            MODEL,
            prediction.request_id,
            prediction.answered_at,
            actual,
            self.clock.now(),
        )

    async def delete(self) -> None:
        await self._delete(TEAM, MODEL, NO_COMMAND)

    async def found(self, *, size: int = 100, **chosen: Any) -> list[Logged]:
        """All pages."""
        wanted, token, found = Chosen(TEAM, MODEL, **chosen), "", []
        while True:
            page = await self.read.predictions(wanted, size, token)
            assert len(page.items) <= size
            found += page.items
            token = page.next_token
            if not token:
                return found

    async def damage(self, *objects: str) -> None:
        """As a disk does: the end of each is lost."""
        for each in objects:
            content = await self.objects.get(each, limit=1_000_000)
            assert content is not None
            await self.objects.put(each, content[: len(content) // 2])

    async def ids(self, **chosen: Any) -> list[str]:
        return [each.request_id for each in await self.found(**chosen)]

    async def files(self) -> list[tuple[int, int]]:
        """Level and predictions of each, oldest first."""
        rows = await self.database.fetch("SELECT level, predictions FROM log_files ORDER BY last_at, name")
        return [(row["level"], row["predictions"]) for row in rows]

    async def objects_there(self) -> set[str]:
        return set(await self.objects.list("predictions/"))

    async def objects_that_count(self) -> set[str]:
        rows = await self.database.fetch(
            "SELECT format('predictions/%s/%s/%s/%s.parquet', team, model_name, day, name) AS object FROM log_files"
        )
        return {row["object"] for row in rows}


@asynccontextmanager
async def log_world(database: Any, bucket: Any, clock: Clock) -> AsyncIterator[LogWorld]:
    objects = store(bucket)
    try:
        yield LogWorld(database, objects, clock)
    finally:
        await objects.close()


def some(world: LogWorld, number: int, *, first: int = 0, **changes: Any) -> list[Logged]:
    start = world.clock.now()
    return [logged(start + (first + place) * SECOND, first + place, **changes) for place in range(number)]


def seconds(start: datetime, number: int) -> Iterator[datetime]:
    return (start + each * SECOND for each in range(number))
