"""Every change of a running execution: one after the other, each with its events in one fenced transaction."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from fp_kernel import Clock

from fp_pipeline.app.ports import Transaction, Transactions
from fp_pipeline.app.trigger_execution import start_next
from fp_pipeline.domain.deployment import Deploy, DeploymentChange, SetWeights, Supersede, Undeploy, UndeployReason
from fp_pipeline.domain.events import ModelDeployed, ModelUndeployed
from fp_pipeline.domain.execution import Cancellation, Execution, ExecutionStatus
from fp_pipeline.domain.lease import Lease
from fp_pipeline.domain.progress import Progress
from fp_pipeline.domain.promotion import Promotion

_QUEUE = 64
_CANCELLABLE = frozenset({ExecutionStatus.PENDING, ExecutionStatus.RUNNING})


@dataclass(frozen=True, slots=True)
class Effects:
    """What is written with a change: deployments it decides, and the log of the step `log_of`.

    log_skipped: lines before `log` that are not kept.
    """

    deployments: tuple[DeploymentChange, ...] = ()
    log_of: str = ""
    log: tuple[str, ...] = ()
    log_skipped: int = 0


NO_EFFECTS = Effects()


class Journal:
    def __init__(
        self, transactions: Transactions, clock: Clock, written: Callable[[Progress], object] = lambda _: None
    ) -> None:
        """written: called with what was committed."""
        self._transactions = transactions
        self._clock = clock
        self._written = written

    async def write(self, lease: Lease, progress: Progress, effects: Effects = NO_EFFECTS) -> None:
        """Raises LeaseLost when another worker took the execution over: then nothing is written."""
        execution = progress.execution
        async with self._transactions() as tx:
            # First, so that the row's lock and the fence hold for everything that follows.
            await tx.executions.save(progress, lease)
            if effects.log:
                await tx.logs.append(execution.id, effects.log_of, effects.log, effects.log_skipped, self._clock.now())
            await self._deployments(tx, execution, effects.deployments)
            for event in progress.events:
                tx.outbox.add(event)
            if execution.status.ended:
                await tx.executions.end(execution.id)
                await start_next(tx, execution, self._clock.now())
        self._written(progress)

    async def _deployments(self, tx: Transaction, execution: Execution, changes: Sequence[DeploymentChange]) -> None:
        for change in changes:
            match change:
                case Deploy(deployment):
                    stored = await tx.deployments.deploy(deployment)
                    if stored is not None:
                        tx.outbox.add(ModelDeployed(stored, self._clock.now(), execution.cause.triggered_by))
                case SetWeights(team, model_name, weights):
                    await tx.deployments.set_weights(team, model_name, dict(weights))
                case Undeploy(runtime, reason, drain):
                    await self._undeploy(tx, execution, runtime, reason, drain)
                case Supersede(promotion, drain):
                    await self._supersede(tx, execution, promotion, drain)

    async def _supersede(self, tx: Transaction, execution: Execution, promotion: Promotion, drain: float) -> None:
        # The promotion first, as whoever takes it back does: else the two could wait for each other.
        before = await tx.promotions.lock(promotion.team, promotion.model_name)
        others = await tx.deployments.others(promotion.team, promotion.model_name, promotion.runtime)
        watched = promotion.warm(each.version for each in others)
        if watched is not None:
            await tx.promotions.watch(watched)
        elif before is not None and before.ended_at is None:
            await tx.promotions.change(before.over(self._clock.now()))
        for other in others:
            if watched is None or other.version not in watched.before:
                await self._undeploy(tx, execution, other.runtime, UndeployReason.SUPERSEDED, drain)

    async def _undeploy(
        self, tx: Transaction, execution: Execution, runtime: str, reason: UndeployReason, drain: float
    ) -> None:
        stop_at = self._clock.now() + timedelta(seconds=drain)
        ended = await tx.deployments.undeploy(runtime, stop_at)
        if ended is not None:
            tx.outbox.add(ModelUndeployed(ended, self._clock.now(), reason, execution.cause.triggered_by))


Change = Callable[[Execution], Progress | None]
EffectsOf = Callable[[Execution], Effects]


@dataclass(frozen=True, slots=True)
class _PendingChange:
    change: Change
    effects: EffectsOf
    done: "asyncio.Future[bool]"


class Record:
    """The execution a runner works on, and the only way to change it.

    Changes are written one after the other; each is decided on the execution that the one before left.
    """

    def __init__(self, lease: Lease, execution: Execution, journal: Journal) -> None:
        self._lease = lease
        self._journal = journal
        self._execution = execution
        self._cancellation: Cancellation | None = None
        self._writes: asyncio.Queue[_PendingChange] = asyncio.Queue(_QUEUE)

    @property
    def execution(self) -> Execution:
        """As written, with the request to cancel as soon as it is known and while it can still be met."""
        present = self._execution
        if self._cancellation is not None and present.cancellation is None and present.status in _CANCELLABLE:
            return replace(present, cancellation=self._cancellation)
        return present

    def cancel(self, cancellation: Cancellation) -> None:
        self._cancellation = cancellation

    async def change(self, change: Change, effects: EffectsOf = lambda _: NO_EFFECTS) -> bool:
        """Returns when it is written; whether there was something to write.

        A caller that is stopped meanwhile leaves the write alone: half a transaction is nobody's state.
        """
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        await self._writes.put(_PendingChange(change, effects, done))
        return await done

    async def write_changes(self) -> None:
        """Write until cancelled. Raises LeaseLost, and whatever the store raises."""
        while True:
            write = await self._writes.get()
            progress = write.change(self.execution)
            if progress is not None:
                await self._journal.write(self._lease, progress, write.effects(progress.execution))
                self._execution = progress.execution
            if not write.done.done():
                write.done.set_result(progress is not None)
