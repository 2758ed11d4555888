"""What is old goes, with all that is its own and nothing else."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from fp_kernel import Unavailable
from fp_pipeline.adapters.postgres.deployments import PostgresDeploymentReads
from fp_pipeline.adapters.postgres.reads import PostgresReads
from fp_pipeline.adapters.postgres.retention import PostgresRetention
from fp_pipeline.adapters.postgres.transactions import PostgresTransaction
from fp_pipeline.app.watch_execution import WatchExecution
from fp_pipeline.domain.execution import ExecutionStatus
from fp_pipeline.domain.names import AttemptName
from fp_pipeline.domain.progress import moved
from fp_pipeline.retention import Ages, ForgetExecutions
from fp_postgres import DatabaseTransactions
from fp_postgres.partitions import lowest_id
from fp_postgres.signals import Subscriptions
from fp_testkit.clock import ManualClock

AGES = Ages(history=timedelta(days=90), executions=timedelta(days=400))


@pytest.fixture
def begun(database, made):
    """An execution that began so many days ago, with a log; ended unless the test says else."""
    transactions = DatabaseTransactions(database, PostgresTransaction)

    async def make(days: int, *, ended: bool = True, deployed: bool = False):
        pipeline = made.pipeline(f"p{days}{ended}{deployed}")
        fresh = made.execution(pipeline)
        moment = lowest_id(made.now - timedelta(days=days))
        execution = replace(fresh, id=str(type(moment)(int=moment.int + int(fresh.id[-8:], 16))))
        status = ExecutionStatus.COMPLETED if ended else ExecutionStatus.RUNNING
        async with transactions() as tx:
            await tx.pipelines.add(pipeline)
            await tx.executions.add(execution)
            await tx.executions.save(moved(replace(execution, status=status), [], made.now), None)
            await tx.logs.append(execution.id, "a", ["line"], 0, made.now)
            assert await tx.retrains.claim("alpha", execution.id, execution.id)
            if deployed:
                await tx.deployments.deploy(replace(made.deployment(execution), model_name=execution.id))
        return execution

    return make


async def rows(database, table: str) -> int:
    found: int = await database.fetchval(f"SELECT count(*) FROM {table}")  # noqa: S608 -- a name of the test
    return found


class Files:
    """In memory: object keys. away: nothing can be deleted."""

    def __init__(self, *keys: str, away: bool = False) -> None:
        self.keys, self.away = set(keys), away

    async def delete_below(self, prefix: str) -> int:
        if self.away:
            raise Unavailable("the object store does not answer")
        doomed = {key for key in self.keys if key.startswith(prefix)}
        self.keys -= doomed
        return len(doomed)


def forget(database, now: datetime, files: Files | None = None) -> ForgetExecutions:
    return ForgetExecutions(PostgresRetention(database), files or Files(), ManualClock(now), AGES)


async def test_history_goes_first_and_the_execution_later(database, begun, made):
    young, old, oldest = [await begun(days) for days in (89, 91, 401)]
    await forget(database, made.now)()
    reads = PostgresReads(database)
    assert await reads.execution("alpha", oldest.id) is None
    assert len((await reads.execution("alpha", old.id)).steps) == 2
    for execution, left in ((young, 2), (old, 0)):
        assert len(await reads.transitions(execution, 0, 10)) == left
        assert len(await reads.log(execution.id, "a", 0, 10)) == left / 2
    assert [await rows(database, table) for table in ("executions", "step_executions", "retrains")] == [2, 4, 2]


async def test_files_go_with_their_execution_and_keep_it_while_they_cannot(database, begun, made):
    old, young, deployed = await begun(401), await begun(399), await begun(402, deployed=True)
    keys = {each.id: AttemptName(each.id, "a", 1).file("model.onnx") for each in (old, young, deployed)}
    files, reads = Files(*keys.values(), away=True), PostgresReads(database)
    with pytest.raises(Unavailable):
        await forget(database, made.now, files)()
    assert await reads.execution("alpha", old.id) is not None
    files.away = False
    await forget(database, made.now, files)()
    assert await reads.execution("alpha", old.id) is None
    assert files.keys == {keys[young.id], keys[deployed.id]}


async def test_what_is_under_way_or_still_deployed_stays(database, begun, made):
    under_way, deployed = await begun(500, ended=False), await begun(501, deployed=True)
    await forget(database, made.now)()
    reads = PostgresReads(database)
    assert len(await reads.transitions(under_way, 0, 10)) == 2
    assert await reads.execution("alpha", deployed.id) is not None
    await database.execute("UPDATE deployments SET state = 'DRAINING', stop_at = $1", made.now - timedelta(days=399))
    (runtime,) = [row["runtime"] for row in await database.fetch("SELECT runtime FROM deployments")]
    await PostgresDeploymentReads(database).gone(runtime)
    await forget(database, made.now)()
    assert await reads.execution("alpha", deployed.id) is not None
    await forget(database, made.now + timedelta(days=2))()
    assert await reads.execution("alpha", deployed.id) is None


async def test_a_watch_of_an_execution_without_history_shows_what_it_came_to(database, begun, made, clock):
    old = await begun(91)
    await forget(database, made.now)()
    watch = WatchExecution(PostgresReads(database), Subscriptions(), clock, poll=60.0)
    seen = [each async for each in watch("alpha", old.id, after_sequence=0, include_current_state=False)]
    assert [each.execution.status for each in seen] == [ExecutionStatus.COMPLETED]


async def test_old_steps_of_a_pipeline_go_when_no_execution_has_them(database, made):
    pipeline = made.pipeline()
    transactions = DatabaseTransactions(database, PostgresTransaction)
    async with transactions() as tx:
        await tx.pipelines.add(pipeline)
        await tx.executions.add(made.execution(pipeline))
        for revision in range(2, 16):
            changed = replace(pipeline, revision=revision)
            await tx.pipelines.change(pipeline, changed)
            pipeline = changed
    assert await PostgresRetention(database).forget_revisions() == 4
    left = await database.fetch("SELECT revision FROM pipeline_revisions ORDER BY revision")
    assert [row["revision"] for row in left] == [1, *range(6, 16)]
