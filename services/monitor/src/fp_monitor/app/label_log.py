"""Labels come into the files of the log, before the table that has them forgets them."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, timedelta
from typing import Protocol

from fp_kernel import Clock, new_id

from fp_monitor.app.log_files import Unreadable, content_of, replaced, set_aside
from fp_monitor.app.log_ports import LogStores
from fp_monitor.app.write_log import PARQUET
from fp_monitor.domain.id_filter import id_filter
from fp_monitor.domain.log import DamagedFile, Label, LogFile

_FILES = 100
# Of a question to the table.
_IDS = 5_000
# Before the day on which the first labels may be forgotten.
_AHEAD = timedelta(days=2)


class LabelledFiles(Protocol):
    """How a file is read and written."""

    def request_ids(self, content: bytes) -> Sequence[str]: ...

    def with_labels(self, content: bytes, labels: Mapping[str, Label]) -> bytes: ...


class LabelLog:
    """Once a file: what comes for it later is refused as unknown by then."""

    def __init__(
        self,
        stores: LogStores,
        files: LabelledFiles,
        clock: Clock,
        *,
        labels_wait: timedelta,
        unreadable: Unreadable,
    ) -> None:
        self._stores = stores
        self._files = files
        self._clock = clock
        self._unreadable = unreadable
        self._wait = max(labels_wait - _AHEAD, timedelta(days=1))

    async def __call__(self) -> None:
        before = (self._clock.now() - self._wait).astimezone(UTC).date()
        while files := await self._stores.reads.to_label(before, _FILES):
            if not any([await self._labelled(each) for each in files]):
                return

    async def _labelled(self, file: LogFile) -> bool:
        """False when it counts no more. One that cannot be read is set aside, and holds no other one up."""
        content = await content_of(self._stores.objects, file)
        try:
            if content is None:
                raise DamagedFile  # noqa: TRY301 -- the same as one that cannot be read
            ids = await asyncio.to_thread(self._files.request_ids, content)
            return await self._with_labels(file, content, ids)
        except DamagedFile:
            return await set_aside(self._stores, file, self._unreadable)

    async def _with_labels(self, file: LogFile, content: bytes, ids: Sequence[str]) -> bool:
        labels: dict[str, Label] = {}
        for start in range(0, len(ids), _IDS):
            some = ids[start : start + _IDS]
            labels |= await self._stores.reads.labels(file.team, file.model_name, some)
        made = await asyncio.to_thread(self._files.with_labels, content, labels) if labels else content
        written = replace(file, name=new_id(), bytes=len(made), labelled=True, ids=id_filter(ids))
        await self._stores.waste.begin([written.object], self._clock.now())
        await self._stores.objects.put(written.object, made, content_type=PARQUET)
        return await replaced(self._stores, [file], [written], self._clock.now())
