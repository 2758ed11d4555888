"""Files of the log become fewer: small ones are merged, and erased predictions leave theirs."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from fp_kernel import Clock, new_id

from fp_monitor.app.log_ports import LogStores, Mergeable, Model
from fp_monitor.app.write_log import PARQUET
from fp_monitor.domain.log import MAX_ERASED, LogFile, answered_within

# So many of a level are one of the next: each prediction is written again a few times, however many there are a day.
LEAST = 16
# A file of so many bytes is merged no more, and merging stops behind them.
COMPLETE = 8 * 1024 * 1024
# Bytes of a file: some megabytes, and what one batch of events may hold.
MOST_BYTES = 64 * 1024 * 1024
_MODELS = 100
# A day's last predictions come after its end.
_BEHIND = timedelta(hours=1)
_FILES = 100


class Merge(Protocol):
    def __call__(
        self, files: Sequence[bytes], without: Collection[str] = ()
    ) -> tuple[bytes, int, datetime, datetime] | None: ...


class MergeLog:
    def __init__(self, stores: LogStores, merge: Merge, clock: Clock) -> None:
        self._stores = stores
        self._merge = merge
        self._clock = clock

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
        return len(files) > 0 and await self.rewrite(files)

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
        spans = [answered_within(each) for each in ids]
        known = [span for span in spans if span is not None]
        since = min(first for first, _ in known) if len(known) == len(ids) else None
        until = max(last for _, last in known) if len(known) == len(ids) else self._clock.now() + timedelta(days=1)
        without, seen = set(ids), set[str]()
        while True:
            after, before = None, len(seen)
            while files := await self._stores.reads.files(
                team, model_name, since=since, until=until, after=after, limit=_FILES
            ):
                for each in files:
                    if each.name not in seen and not await self.rewrite([each], without):
                        return False
                    seen.add(each.name)
                after = files[-1]
            # A file that was merged meanwhile may stand before those that were listed last.
            if len(seen) == before:
                return True

    async def rewrite(self, files: Sequence[LogFile], without: Collection[str] = ()) -> bool:
        """One file in place of these; False when one of them counts no more."""
        contents = [await self._stores.objects.get(each.object, limit=MOST_BYTES) for each in files]
        present = [each for each in contents if each is not None]
        if len(present) < len(files):
            return False
        merged = await asyncio.to_thread(self._merge, present, without)
        if len(files) == 1 and merged is not None and merged[1] == files[0].predictions and without:
            return True
        written = await self._written(files, merged) if merged is not None else []
        return await replaced(self._stores, files, written, self._clock.now())

    async def _written(
        self, files: Sequence[LogFile], merged: tuple[bytes, int, datetime, datetime]
    ) -> Sequence[LogFile]:
        content, number, first, last = merged
        size = len(content)
        file = replace(
            files[0],
            name=new_id(),
            level=max(each.level for each in files) + (len(files) > 1),
            complete=size >= COMPLETE or any(each.complete for each in files),
            predictions=number,
            bytes=size,
            first_at=first,
            last_at=last,
            labelled=all(each.labelled for each in files),
        )
        await self._stores.waste.begin([file.object], self._clock.now())
        await self._stores.objects.put(file.object, content, content_type=PARQUET)
        return [file]


async def replaced(stores: LogStores, files: Sequence[LogFile], written: Sequence[LogFile], at: datetime) -> bool:
    """Whether what was written counts now in place of the files, all of which counted."""
    try:
        async with stores.transactions() as tx:
            if not await tx.files.replace(files, at) or (written and not await tx.files.add(written)):
                raise _Changed  # noqa: TRY301 -- it rolls back
    except _Changed:
        return False
    return True


class _Changed(Exception):
    """Rolls back: a file that was merged counts no more. What was written in its place is waste."""


def _fitting(files: Sequence[LogFile]) -> Sequence[LogFile]:
    """From the first one on, as many as are one file of a fair size; at least two."""
    found: list[LogFile] = []
    for each in files:
        if len(found) > 1 and sum(one.bytes for one in found) + each.bytes > COMPLETE:
            break
        found.append(each)
    return found if len(found) > 1 else []
