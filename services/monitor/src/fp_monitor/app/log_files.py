"""Files of the log as they are read and replaced."""

from collections.abc import Callable, Sequence
from datetime import datetime

from fp_kernel import InvalidArgument

from fp_monitor.app.log_ports import LogStores, Objects
from fp_monitor.domain.log import LogFile

# Bytes of a file: some megabytes, and what one batch of events may hold.
_MOST_BYTES = 64 * 1024 * 1024

Unreadable = Callable[[LogFile], None]
"""Is told of a file that cannot be read."""


async def content_of(objects: Objects, file: LogFile) -> bytes | None:
    """None when the store has no such file. Raises Unavailable while the store is away."""
    try:
        return await objects.get(file.object, limit=_MOST_BYTES)
    except InvalidArgument:
        # Nobody of ours has written so much.
        return None


async def replaced(stores: LogStores, files: Sequence[LogFile], written: Sequence[LogFile], at: datetime) -> bool:
    """Whether what was written counts now in place of the files, all of which counted."""
    first = files[0]
    try:
        async with stores.transactions() as tx:
            # A log that is deleted gets no file from those that it had.
            there = await tx.policies.hold(first.team, first.model_name)
            if not there or not await tx.files.replace(files, at) or (written and not await tx.files.add(written)):
                raise _Changed  # noqa: TRY301 -- it rolls back
    except _Changed:
        return False
    return True


async def set_aside(stores: LogStores, file: LogFile, unreadable: Unreadable) -> bool:
    """The file cannot be read. Whether that is news; it counts no more when somebody replaced it meanwhile."""
    async with stores.transactions() as tx:
        news = await tx.files.set_aside(file)
    if news:
        unreadable(file)
    return news


class _Changed(Exception):
    """Rolls back: a file that was merged counts no more. What was written in its place is waste."""
