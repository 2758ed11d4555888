"""Files of the log become fewer: small ones are merged, and erased predictions leave theirs."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import replace
from datetime import UTC, timedelta
from typing import Protocol

from fp_kernel import Clock, new_id

from fp_monitor.app.log_files import Unreadable, content_of, replaced, set_aside
from fp_monitor.app.log_ports import LogStores, Mergeable, Model
from fp_monitor.app.write_log import PARQUET
from fp_monitor.domain.id_filter import id_filter, marks
from fp_monitor.domain.log import MAX_ERASED, DamagedFile, LogFile, Merged, answered_within

# So many of a level are one of the next: each prediction is written again a few times, however many there are a day.
LEAST = 16
# A file of so many bytes is merged no more, and merging stops behind them.
COMPLETE = 8 * 1024 * 1024
_MODELS = 100
# A day's last predictions come after its end.
_BEHIND = timedelta(hours=1)
_FILES = 100


class Merge(Protocol):
    def __call__(self, files: Sequence[bytes], without: Collection[str] = ()) -> Merged | None:
        """Raises DamagedFile."""


class MergeLog:
    """A file that cannot be read is set aside, and holds no other one up."""

    def __init__(self, stores: LogStores, merge: Merge, clock: Clock, unreadable: Unreadable) -> None:
        self._stores = stores
        self._merge = merge
        self._clock = clock
        self._unreadable = unreadable

    async def __call__(self) -> None:
        """Until nothing is left to be merged now."""
        over = (self._clock.now() - _BEHIND).astimezone(UTC).date()
        while chosen := await self._stores.reads.mergeable(over, LEAST, _MODELS):
            if not any([await self.one(each, over=each.day < over) for each in chosen]):
                return

    async def one(self, chosen: Mergeable, *, over: bool) -> bool:
        """Whether something was merged; another replica may have been first. over: whether its day is."""
        level: int | None = None
        if not over:
            levels = await self._stores.reads.levels(chosen)
            level = min((each for each, files in levels.items() if files >= LEAST), default=None)
            if level is None:
                return False
        files = _fitting(await self._stores.reads.to_merge(chosen, level, LEAST))
        try:
            return len(files) > 0 and await self.rewrite(files)
        except DamagedFile as damaged:
            return await set_aside(self._stores, files[damaged.place], self._unreadable)

    async def erase(self) -> None:
        """Erased predictions leave all files that may have them. A model that has to wait holds no other one up."""
        after: Model = ("", "")
        while (found := await self._stores.reads.to_rewrite(MAX_ERASED, after)) is not None:
            (team, model_name), ids = found
            if not await self._erased(team, model_name, ids):
                after = (team, model_name)
                continue
            async with self._stores.transactions() as tx:
                await tx.erasures.rewritten(team, model_name, ids)

    async def _erased(self, team: str, model_name: str, ids: Sequence[str]) -> bool:
        """Whether no file has them any more."""
        seen = set[str]()
        for each in ids:
            # A file that was merged meanwhile may stand before those that were listed last.
            while files := [one async for one in self._having(team, model_name, each) if one.name not in seen]:
                for file in files:
                    if not await self._without(file, set(ids)):
                        return False
                    seen.add(file.name)
        return True

    async def _having(self, team: str, model_name: str, request_id: str) -> AsyncIterator[LogFile]:
        since, until = answered_within(request_id) or (None, self._clock.now() + timedelta(days=1))
        after, wanted = None, marks(request_id)
        while files := await self._stores.reads.having(
            team, model_name, wanted, since=since, until=until, after=after, limit=_FILES
        ):
            for each in files:
                yield each
            after = files[-1]

    async def _without(self, file: LogFile, ids: Collection[str]) -> bool:
        """False when it counts no more, or is lost. Of one that is damaged nobody can say what it has: it goes."""
        try:
            return await self.rewrite([file], ids)
        except DamagedFile as damaged:
            if not damaged.there:
                await set_aside(self._stores, file, self._unreadable)
                return False
            return await self.drop(file)

    async def drop(self, file: LogFile) -> bool:
        """It is damaged, and may have what was erased. False when it counts no more."""
        self._unreadable(file)
        return await replaced(self._stores, [file], [], self._clock.now())

    async def rewrite(self, files: Sequence[LogFile], without: Collection[str] = ()) -> bool:
        """One file in place of these; False when one of them counts no more. Raises DamagedFile."""
        contents = []
        for place, each in enumerate(files):
            content = await content_of(self._stores.objects, each)
            if content is None:
                raise DamagedFile(place, there=False)
            contents.append(content)
        merged = await asyncio.to_thread(self._merge, contents, without)
        if len(files) == 1 and merged is not None and len(merged.request_ids) == files[0].predictions and without:
            return True
        written = await self._written(files, merged) if merged is not None else []
        return await replaced(self._stores, files, written, self._clock.now())

    async def _written(self, files: Sequence[LogFile], merged: Merged) -> Sequence[LogFile]:
        size = len(merged.content)
        file = replace(
            files[0],
            name=new_id(),
            level=max(each.level for each in files) + (len(files) > 1),
            complete=size >= COMPLETE or any(each.complete for each in files),
            predictions=len(merged.request_ids),
            bytes=size,
            first_at=merged.first_at,
            last_at=merged.last_at,
            labelled=all(each.labelled for each in files),
            erased_up_to=min(each.erased_up_to for each in files),
            ids=await asyncio.to_thread(id_filter, merged.request_ids),
        )
        await self._stores.waste.begin([file.object], self._clock.now())
        await self._stores.objects.put(file.object, merged.content, content_type=PARQUET)
        return [file]


def _fitting(files: Sequence[LogFile]) -> Sequence[LogFile]:
    """From the first one on, as many as are one file of a fair size; at least two."""
    found: list[LogFile] = []
    for each in files:
        if len(found) > 1 and sum(one.bytes for one in found) + each.bytes > COMPLETE:
            break
        found.append(each)
    return found if len(found) > 1 else []
