"""A user says what is to be watched of a model."""

from dataclasses import dataclass, replace

from fp_kernel import Clock, Command, invalid, new_id
from fp_kernel.revisions import NOTHING, check_revision, first_revision

from fp_monitor.app.ports import Peers, Reads, Transaction, Transactions
from fp_monitor.app.refusals import no_model
from fp_monitor.app.take_baseline import rebase, serving
from fp_monitor.domain.metric import DriftKind
from fp_monitor.domain.monitor import Config, Monitor, check
from fp_monitor.domain.window import closing


@dataclass(frozen=True, slots=True)
class Configured:
    monitor: Monitor
    created: bool


class ConfigureMonitor:
    def __init__(self, transactions: Transactions, reads: Reads, peers: Peers, clock: Clock) -> None:
        self._transactions = transactions
        self._reads = reads
        self._peers = peers
        self._clock = clock

    async def __call__(
        self, team: str, config: Config, command: Command, *, by: str, expected: int | None = None
    ) -> Configured:
        """Raises InvalidArgument naming the field, NotFound when the team has no such model, Aborted when the monitor
        has another revision than the expected one.

        Raises Unavailable when that cannot be known, because registry or pipeline are away.
        """
        check(config)
        await self._check_known(team, config)
        async with self._transactions(command) as tx:
            await tx.monitors.lock(team, config.model_name)
            found = await tx.monitors.find(team, config.model_name)
            check_revision(
                expected,
                NOTHING if found is None else found.revision,
                changed_by="" if found is None else found.configured_by,
            )
            if found is None:
                configured = Configured(await self._created(tx, team, config, by), created=True)
            else:
                changed = replace(
                    found,
                    config=config,
                    updated_at=self._clock.now(),
                    revision=found.revision + 1,
                    configured_by=by,
                )
                await tx.monitors.save(changed)
                await _replan(tx, changed)
                configured = Configured(changed, created=False)
            await tx.complete(configured)
        return configured

    async def _check_known(self, team: str, config: Config) -> None:
        """Peers are asked for what is new only, and before the transaction."""
        found = await self._reads.overview(team, config.model_name)
        before = found.monitor.config.retrain_pipeline_id if found else ""
        if (
            found is None
            and not await self._reads.promoted(team, config.model_name)
            and not await self._peers.has_model(config.model_name)
        ):
            raise no_model(config.model_name)
        pipeline = config.retrain_pipeline_id
        if pipeline not in {"", before} and not await self._peers.has_pipeline(pipeline):
            raise invalid("retrain_pipeline_id", "there is no such pipeline")

    async def _created(self, tx: Transaction, team: str, config: Config, by: str) -> Monitor:
        """With what is in production already, if anything is."""
        now = self._clock.now()
        monitor = Monitor(
            id=new_id(),
            team=team,
            config=config,
            created_at=now,
            updated_at=now,
            revision=first_revision(now),
            configured_by=by,
        )
        await tx.monitors.save(monitor)
        promotion = await tx.baselines.production(team, config.model_name)
        if promotion is None:
            return monitor
        return await rebase(tx, serving(monitor, promotion), promotion.version)


async def _replan(tx: Transaction, monitor: Monitor) -> None:
    """Let open windows close by the new clock: one that was closed by its count would wait for ever without one."""
    for kind in DriftKind:
        window = await tx.windows.open(monitor.id, kind, monitor.served)
        if window is not None:
            await tx.windows.save(replace(window, closes_at=closing(window.opened_at, monitor.config.duration)))
