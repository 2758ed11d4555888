from datetime import UTC, datetime

import pytest
from fp_events import decode
from fp_experiment.app.ports import LoggedPoints
from fp_experiment.domain.experiments import Described
from fp_experiment.domain.metrics import Point
from fp_experiment.domain.runs import NewRun
from fp_kernel import Command, Principal

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ANN = Principal("ann", "alpha", "engineer", frozenset({"experiments:*"}), 0.0)
EVE = Principal("eve", "beta", "engineer", frozenset({"experiments:*"}), 0.0)
NO_KEY = Command("alpha", "/Rpc", "", b"", lambda _: b"")


class Desk:
    """Short words for what the tests do often."""

    def __init__(self, do, database):
        self.do = do
        self.database = database
        self.ann, self.eve, self.no_key = ANN, EVE, NO_KEY

    async def experiment(self, name="flights", caller=ANN):
        return await self.do.create_experiment(Described(name, "", {}), caller, NO_KEY)

    async def run(self, experiment=None, caller=ANN, **more):
        experiment = experiment or await self.experiment(f"e{await self.count('experiments')}", caller)
        return await self.do.start_run(NewRun(experiment.id, **more), caller, NO_KEY)

    async def log(self, run, values, *, key="loss", start=0, command=NO_KEY, team="alpha"):
        points = [Point(key, value, start + index, NOW) for index, value in enumerate(values)]
        return await self.do.ingest.now_or_never(LoggedPoints(team, run.id, points, command))

    async def count(self, table):
        return len(await self.database.fetch(f"TABLE {table}"))

    async def events(self):
        return [
            decode(row["envelope"]) for row in await self.database.fetch("SELECT * FROM fp_outbox ORDER BY position")
        ]


@pytest.fixture
def desk(do, database):
    return Desk(do, database)


@pytest.fixture
def keyed():
    """A command with this key and body."""

    def make(key, body=b"body", team="alpha"):
        return Command(team, "/LogMetrics", key, body, lambda accepted: str(accepted).encode())

    return make
