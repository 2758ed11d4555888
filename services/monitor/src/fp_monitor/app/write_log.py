"""Sampled predictions were made: they become files of the object store."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Protocol

from fp_kernel import Aborted, Clock, new_id

from fp_monitor.app.log_ports import LogStores, Model
from fp_monitor.domain.entities import ErasedEntity, concerns
from fp_monitor.domain.id_filter import id_filter
from fp_monitor.domain.log import LogFile, Logged, Policy

PARQUET = "application/vnd.apache.parquet"
# A batch that another replica has a part of, or whose policy changed, is written again.
_TRIES = 3


class Encode(Protocol):
    def __call__(self, predictions: Sequence[Logged]) -> bytes: ...


Entities = Mapping[Model, Sequence[ErasedEntity]]


@dataclass(frozen=True, slots=True)
class Rules:
    """By which a batch was written: they must still hold when it counts."""

    policies: Mapping[Model, Policy]
    entities: Entities


@dataclass(frozen=True, slots=True)
class LoggedBatch:
    """One event."""

    event_id: str
    team: str
    model_name: str
    predictions: Sequence[Logged]


class WriteLog:
    """A file of each model and day in a batch.

    It is named as waste before it is written, and counts from the commit on that also remembers the events: who is
    killed in between leaves waste, and the events come again.
    """

    def __init__(self, stores: LogStores, encode: Encode, clock: Clock, *, consumer: str) -> None:
        self._stores = stores
        self._encode = encode
        self._clock = clock
        self._consumer = consumer

    async def __call__(self, batch: Sequence[LoggedBatch]) -> int:
        """How many predictions were stored. Raises Unavailable while the object store is away."""
        left = list(batch)
        for _ in range(_TRIES):
            policies = await self._stores.reads.policies_of(list({(each.team, each.model_name) for each in left}))
            entities = await self._stores.entities.of(list(policies))
            taken = await self._taken(left, policies, entities)
            files = await self._written(taken, entities)
            fresh = await self._counted(left, Rules(policies, entities), taken, files)
            if fresh is None:
                return sum(len(each) for each in taken.values())
            left = [each for each in left if each.event_id in fresh]
        raise Aborted("the batch changed while it was written")

    async def _taken(
        self, batch: Sequence[LoggedBatch], policies: Mapping[Model, Policy], entities: Entities
    ) -> dict[tuple[Model, date], list[Logged]]:
        """What the policies of this moment let in: inference may go by those of some seconds ago."""
        taken: defaultdict[tuple[Model, date], list[Logged]] = defaultdict(list)
        for model, policy in policies.items():
            given = [one for each in batch if (each.team, each.model_name) == model for one in each.predictions]
            erased = await self._stores.reads.erased(*model, [each.request_id for each in given])
            gone = entities.get(model, ())
            for each in given:
                out = each.request_id in erased or (gone and concerns(each.inputs, each.masked, gone))
                left = None if out else each.under(policy)
                if left is not None:
                    taken[model, left.day].append(left)
        return taken

    async def _written(self, taken: Mapping[tuple[Model, date], Sequence[Logged]], entities: Entities) -> list[LogFile]:
        files, contents = [], []
        for ((team, name), day), predictions in taken.items():
            content = await asyncio.to_thread(self._encode, predictions)
            times = [each.answered_at for each in predictions]
            size, first, last = len(content), min(times), max(times)
            last_erased = max((each.number for each in entities.get((team, name), ())), default=0)
            file = LogFile(team, name, day, new_id(), 0, False, len(predictions), size, first, last)
            ids = id_filter([each.request_id for each in predictions])
            files.append(replace(file, erased_up_to=last_erased, ids=ids))
            contents.append(content)
        await self._stores.waste.begin([each.object for each in files], self._clock.now())
        for file, content in zip(files, contents, strict=True):
            await self._stores.objects.put(file.object, content, content_type=PARQUET)
        return files

    async def _counted(
        self,
        batch: Sequence[LoggedBatch],
        rules: Rules,
        taken: Mapping[tuple[Model, date], Sequence[Logged]],
        files: Sequence[LogFile],
    ) -> set[str] | None:
        """None when they count; else the ids of the events whose effect is not there yet."""
        ids = {each.event_id for each in batch}
        try:
            async with self._stores.transactions() as tx:
                same = await tx.policies.same(list(rules.policies.values()))
                same = same and await tx.entities.of(list(rules.policies)) == rules.entities
                fresh = await tx.fresh(self._consumer, ids)
                erased = await tx.erasures.among(
                    [model for (model, _), each in taken.items() for _ in each],
                    [one.request_id for each in taken.values() for one in each],
                )
                if not same or erased or fresh != ids or not await tx.files.add(files):
                    raise _Otherwise(fresh)  # noqa: TRY301 -- it rolls back
        except _Otherwise as otherwise:
            return otherwise.fresh
        return None


class _Otherwise(Exception):
    """Rolls back what is to be done again."""

    def __init__(self, fresh: set[str]) -> None:
        super().__init__()
        self.fresh = fresh
