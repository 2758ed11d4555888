"""Predictions about whom was erased leave the files that have them."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from fp_monitor.app.log_files import Unreadable, content_of, set_aside
from fp_monitor.app.log_ports import LogStores, Model
from fp_monitor.app.merge_log import MergeLog
from fp_monitor.domain.entities import Concerns, ErasedEntity, concerns
from fp_monitor.domain.log import DamagedFile, LogFile

_FILES = 100


class Concerned(Protocol):
    def __call__(self, content: bytes, concerns: Concerns) -> list[str]:
        """Request ids of the predictions. Raises DamagedFile."""


class EraseEntities:
    """File by file, each of which remembers how far it was looked at: whoever is killed goes on with the next one."""

    def __init__(self, stores: LogStores, merge: MergeLog, concerned: Concerned, unreadable: Unreadable) -> None:
        self._stores = stores
        self._merge = merge
        self._concerned = concerned
        self._unreadable = unreadable

    async def __call__(self) -> None:
        """A model that has to wait holds no other one up."""
        after: Model = ("", "")
        while (found := await self._stores.entities.to_rewrite(after)) is not None:
            after, number = found
            gone = (await self._stores.entities.of([after])).get(after, ())
            if await self._all(after, number, gone):
                await self._stores.entities.rewritten(*after, number)

    async def _all(self, model: Model, number: int, gone: Sequence[ErasedEntity]) -> bool:
        """Whether no file has them any more."""
        seen = set[str]()
        while files := await self._stores.reads.unchecked(*model, number, _FILES):
            if all(each.name in seen for each in files):
                return False
            for each in files:
                if each.name not in seen:
                    seen.add(each.name)
                    await self._one(each, number, gone)
        return True

    async def _one(self, file: LogFile, number: int, gone: Sequence[ErasedEntity]) -> None:
        try:
            content = await content_of(self._stores.objects, file)
            if content is None:
                raise DamagedFile(there=False)  # noqa: TRY301 -- as one that is damaged
            ids = await asyncio.to_thread(
                self._concerned, content, lambda inputs, masked: concerns(inputs, masked, gone)
            )
            if ids:
                await self._merge.rewrite([replace(file, erased_up_to=number)], set(ids))
                return
        except DamagedFile as damaged:
            if damaged.there:
                await self._merge.drop(file)
            else:
                await set_aside(self._stores, file, self._unreadable)
            return
        async with self._stores.transactions() as tx:
            await tx.files.erased_up_to(file, number)
