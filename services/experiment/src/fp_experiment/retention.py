"""Removal of old rows and creation of partitions, in every replica; they share the work."""

from fp_postgres import PRUNE_EVERY, Database, Pruner
from fp_postgres.partitions import Partitions
from fp_runtime import Runtime

from fp_experiment.adapters.postgres.deleted_runs import DeletedRuns
from fp_experiment.api import consumers
from fp_experiment.settings import Settings

_HOUR, _SOON = 3_600.0, 5.0


def retain(runtime: Runtime, database: Database, partitions: Partitions, settings: Settings) -> None:
    deleted, now = DeletedRuns(database), runtime.clock.now
    runtime.every(PRUNE_EVERY, "retention", Pruner(database, consumers=(consumers.LINEAGE,)).prune)
    runtime.every(_HOUR, "partitions", lambda: partitions.ensure(now()))
    runtime.every(_HOUR, "retention of points", lambda: partitions.drop(now()))
    if settings.runs_retained is not None:
        retained = settings.runs_retained
        runtime.every(_HOUR, "retention of runs", lambda: deleted.expire(now(), retained))
    runtime.every(_SOON, "deleted runs", deleted.remove)
