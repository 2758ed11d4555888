"""Killed at every step of a batch, and of the commands of a run."""

import pytest
from fp_events import decode
from fp_experiment.adapters.postgres import batches
from fp_experiment.adapters.postgres.batches import PostgresBatchWriter
from fp_experiment.adapters.postgres.reads import PostgresReads
from fp_experiment.adapters.postgres.transactions import PostgresTransaction
from fp_experiment.app.log_params import LogParams
from fp_experiment.app.ports import LineageEntry, LoggedPoints
from fp_experiment.app.start_run import StartRun
from fp_experiment.app.update_run_status import UpdateRunStatus
from fp_experiment.domain.experiments import Described, Experiment
from fp_experiment.domain.lineage import Edge, Kind, LineageRecord, Ref, Relation, facts
from fp_experiment.domain.metrics import Point
from fp_experiment.domain.runs import NewRun, RunStatus
from fp_kernel import Command, Principal, Replayed, new_id
from fp_postgres import Database, DatabaseTransactions
from fp_testkit.wallclock import MOMENT, RunningClock

ANN = Principal("ann", "alpha", "engineer", frozenset({"experiments:*"}), 0.0)
NO_KEY = Command("alpha", "/Rpc", "", b"", lambda _: b"")


def logged(run_id, key):
    now = MOMENT
    command = Command("alpha", "/LogMetrics", key, b"body", lambda accepted: str(accepted).encode())
    return LoggedPoints("alpha", run_id, [Point("loss", 0.5, step, now) for step in range(3)], command)


def lineage_entry(event_id):
    at = MOMENT
    version = Ref(Kind.VERSION, f"late@{event_id}")
    edge = Edge(Ref(Kind.RUN, event_id), version, Relation.PRODUCED, at, event_id)
    return LineageEntry("alpha", event_id, LineageRecord(facts(version, at, stage="DEV"), [edge]))


async def ingest(crash, url, run_id, key, event_id, copy_from):
    batches.COPY_FROM = copy_from
    database = await Database.connect(url, source="experiment")
    await PostgresBatchWriter(crash.wrap(database)).write([logged(run_id, key), lineage_entry(event_id)])


async def life(crash, url, experiment_id, key):
    """A run from its start to its end."""
    database = await Database.connect(url, source="experiment")
    transactions, clock = DatabaseTransactions(crash.wrap(database), PostgresTransaction), RunningClock()

    def command(rpc):
        return Command("alpha", rpc, key, b"body", lambda _: b"answer")

    start = StartRun(transactions, clock)
    run = await start(NewRun(experiment_id, display_name=key), ANN, command("/StartRun"))
    await LogParams(transactions)(run.id, [("rate", "0.1")], ANN, command("/LogParams"))
    await UpdateRunStatus(transactions, clock)(run.id, RunStatus.FINISHED, ANN, command("/End"))


@pytest.fixture
async def open_experiment(database):
    now = MOMENT
    experiment = Experiment(new_id(), "alpha", Described("flights", "", {}), "ann", now, now)
    async with DatabaseTransactions(database, PostgresTransaction)(NO_KEY) as tx:
        await tx.experiments.add(experiment)
    return experiment


@pytest.mark.parametrize("copy_from", [0, 1_000])
async def test_a_batch_that_is_killed_anywhere_is_whole_or_not_there_and_can_come_again(
    kill_at, experiment_url, database, open_experiment, copy_from
):
    async def arrange():
        start = StartRun(DatabaseTransactions(database, PostgresTransaction), RunningClock())
        run = await start(NewRun(open_experiment.id), ANN, NO_KEY)
        return experiment_url, run.id, new_id(), new_id(), copy_from

    async def check(run):
        _, run_id, key, event_id, _ = run.arguments
        rows = await _rows(database, run_id, event_id)
        assert rows in {(0, 0, 0, 0), (3, 1, 1, 1)}
        assert rows[0] == 3 or not run.completed
        answers = await PostgresBatchWriter(database).write([logged(run_id, key), lineage_entry(event_id)])
        if rows[0]:
            assert isinstance(answers[0], Replayed)
            assert (answers[0].response, answers[1]) == (b"3", 0)
        else:
            assert answers == [3, 2]
        assert await _rows(database, run_id, event_id) == (3, 1, 1, 1)

    assert await kill_at(ingest, check, arrange=arrange) > 8


async def _rows(database, run_id, event_id):
    return (
        await database.fetchval("SELECT count(*) FROM metric_points WHERE run_id = $1::uuid", run_id),
        await database.fetchval("SELECT count(*) FROM latest_metrics WHERE run_id = $1::uuid AND step = 2", run_id),
        await database.fetchval("SELECT count(*) FROM lineage_edges WHERE event_id = $1::uuid", event_id),
        await database.fetchval("SELECT count(*) FROM fp_inbox WHERE event_id = $1::uuid", event_id),
    )


async def test_a_run_whose_client_is_killed_anywhere_has_its_events_and_can_go_on(
    kill_at, experiment_url, database, open_experiment
):
    async def check(run):
        key = run.arguments[2]
        rows = await database.fetch("SELECT id::text, status FROM runs WHERE display_name = $1", key)
        envelopes = [decode(row["envelope"]) for row in await database.fetch("SELECT envelope FROM fp_outbox")]
        events = [event.type for event in envelopes if rows and event.resource_id == rows[0]["id"]]
        expected = {"": [], "RUNNING": ["fp.experiments.run.created"]}
        ended = ["fp.experiments.run.created", "fp.experiments.run.finished"]
        assert len(rows) <= 1
        assert events == expected.get(rows[0]["status"] if rows else "", ended)
        if rows:
            (shown,) = await PostgresReads(database).find_runs("alpha", [rows[0]["id"]])
            assert shown.params in ({}, {"rate": "0.1"})
        # Where it stopped, it was not half done: the same key takes it up or answers again.
        if not run.completed and rows:
            with pytest.raises(Replayed):
                await life(_Unhurt(), *run.arguments)

    async def arrange():
        return experiment_url, open_experiment.id, new_id()

    assert await kill_at(life, check, arrange=arrange) > 20


class _Unhurt:
    def wrap(self, value):
        return value
