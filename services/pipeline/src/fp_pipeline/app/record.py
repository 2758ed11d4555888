"""The execution a runner works on, and the only way to change it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from fp_pipeline.app.journal import NO_EFFECTS, Effects, Journal
from fp_pipeline.domain.execution import Cancellation, Execution, ExecutionStatus
from fp_pipeline.domain.lease import Lease
from fp_pipeline.domain.progress import Progress

_QUEUE = 64
_OPEN_TO_WISHES = frozenset({ExecutionStatus.PENDING, ExecutionStatus.RUNNING})

Change = Callable[[Execution], Progress | None]
EffectsOf = Callable[[Execution], Effects]


@dataclass(frozen=True, slots=True)
class _Write:
    change: Change
    effects: EffectsOf
    done: "asyncio.Future[bool]"


class Record:
    """Changes are written one after the other; each is decided on the execution that the one before left."""

    def __init__(self, lease: Lease, execution: Execution, journal: Journal) -> None:
        self._lease = lease
        self._journal = journal
        self._execution = execution
        self._wish: Cancellation | None = None
        self._writes: asyncio.Queue[_Write] = asyncio.Queue(_QUEUE)

    @property
    def execution(self) -> Execution:
        """As written, with the wish to cancel as soon as it is known and while it can still be granted."""
        present = self._execution
        if self._wish is not None and present.cancellation is None and present.status in _OPEN_TO_WISHES:
            return replace(present, cancellation=self._wish)
        return present

    def wish(self, cancellation: Cancellation) -> None:
        self._wish = cancellation

    async def change(self, change: Change, effects: EffectsOf = lambda _: NO_EFFECTS) -> bool:
        """Returns when it is written; whether there was something to write.

        A caller that is stopped meanwhile leaves the write alone: half a transaction is nobody's state.
        """
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        await self._writes.put(_Write(change, effects, done))
        return await done

    async def keep(self) -> None:
        """Write until cancelled. Raises LeaseLost, and whatever the store raises."""
        while True:
            write = await self._writes.get()
            progress = write.change(self.execution)
            if progress is not None:
                await self._journal.write(self._lease, progress, write.effects(progress.execution))
                self._execution = progress.execution
            if not write.done.done():
                write.done.set_result(progress is not None)
