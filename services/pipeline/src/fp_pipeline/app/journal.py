"""Every change of a running execution, with its events, in one fenced transaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from fp_kernel import Clock

from fp_pipeline.app.next_pipeline import start_next
from fp_pipeline.app.ports import Transactions, Unit
from fp_pipeline.domain.deployment import Deploy, DeploymentChange, SetWeights, Supersede, Undeploy, UndeployReason
from fp_pipeline.domain.events import ModelDeployed, ModelUndeployed
from fp_pipeline.domain.execution import Execution
from fp_pipeline.domain.lease import Lease
from fp_pipeline.domain.progress import Progress


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
        """written: is told what was committed."""
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

    async def _deployments(self, tx: Unit, execution: Execution, changes: Sequence[DeploymentChange]) -> None:
        for change in changes:
            match change:
                case Deploy(deployment):
                    kept = await tx.deployments.deploy(deployment)
                    if kept is not None:
                        tx.outbox.add(ModelDeployed(kept, self._clock.now(), execution.cause.triggered_by))
                case SetWeights(team, model_name, weights):
                    await tx.deployments.set_weights(team, model_name, dict(weights))
                case Undeploy(runtime, reason, drain):
                    await self._undeploy(tx, execution, runtime, reason, drain)
                case Supersede(team, model_name, runtime, drain):
                    for other in await tx.deployments.others(team, model_name, runtime):
                        await self._undeploy(tx, execution, other.runtime, UndeployReason.SUPERSEDED, drain)

    async def _undeploy(
        self, tx: Unit, execution: Execution, runtime: str, reason: UndeployReason, drain: float
    ) -> None:
        stop_at = self._clock.now() + timedelta(seconds=drain)
        ended = await tx.deployments.undeploy(runtime, stop_at)
        if ended is not None:
            tx.outbox.add(ModelUndeployed(ended, self._clock.now(), reason, execution.cause.triggered_by))
