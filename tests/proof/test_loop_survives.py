"""The whole loop while what it stands on dies: it still closes, and every prediction is metered once."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from fp_flights.story.narrator import Narrator
from fp_flights.story.outcome import Outcome
from fp_flights.story.predictions import Predictions
from fp_flights.story.whole_story import StoryOptions, run_story
from fp_supervisor import SupervisorClient
from fp_supervisor.launch import SOCKET
from redis.asyncio import Redis

pytestmark = pytest.mark.proof
FLIGHTS = 5_000
SERVICES = (
    *("inference", "gateway", "auth", "registry", "monitor", "pipeline", "featurestore"),
    *("billing", "experiment", "notification"),
)
STOPPED_SECONDS = 20
BACK_SECONDS = 120


class Disturbed:
    """The platform of a story in the middle of its replay."""

    def __init__(self, supervisor: SupervisorClient, predicted: Predictions) -> None:
        self.supervisor = supervisor
        self._predicted = predicted

    async def share(self, part: float) -> None:
        """Until that share of the flights has been asked for."""
        while self._predicted.asked < part * len(self._predicted.flights):
            await asyncio.sleep(0.1)

    def still_flies(self, what: str) -> None:
        assert self._predicted.asked < len(self._predicted.flights), f"{what} comes after the last prediction"

    async def process(self, name):
        status = await self.supervisor.status(memory=False)
        return next(process for process in status.processes if process.name == name)

    async def kill(self, name, number=signal.SIGKILL) -> None:
        """Until another process has its place and all are ready."""
        self.still_flies(f"the end of {name}")
        before = await self.process(name)
        assert before.pid is not None, f"{name} does not run"
        os.kill(before.pid, number)
        async with asyncio.timeout(BACK_SECONDS):
            while (await self.process(name)).restarts == before.restarts:
                await asyncio.sleep(0.05)
        await self.supervisor.wait_ready(BACK_SECONDS)


async def outcome_of(folder, disturb: Callable[[Disturbed], Awaitable[None]]) -> Outcome:
    begun: asyncio.Future[Predictions] = asyncio.get_running_loop().create_future()

    async def disturbing() -> None:
        predicted = await begun
        await disturb(Disturbed(SupervisorClient(folder / SOCKET), predicted))

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(disturbing())
        running = tasks.create_task(
            run_story(folder, Narrator(), StoryOptions(flights=FLIGHTS, begun=begun.set_result))
        )
    outcome = running.result()
    print(outcome.document(), flush=True)
    return outcome


def closed_exactly(outcome: Outcome) -> None:
    assert outcome.failed_predictions == 0
    assert outcome.usage_recorded == outcome.predictions > FLIGHTS
    assert outcome.control_alarms == 0
    assert outcome.retrains >= 1
    assert outcome.status == "closed"


async def test_each_of_the_ten_services_may_be_killed_in_the_middle_of_it(tmp_path):
    async def disturb(middle: Disturbed) -> None:
        for place, name in enumerate(SERVICES, start=1):
            await middle.share(place / (len(SERVICES) + 2))
            await middle.kill(name)
        middle.still_flies("the last restart")

    closed_exactly(await outcome_of(tmp_path / "platform", disturb))


async def test_nats_may_stop_redis_may_be_flushed_and_postgres_may_restart(tmp_path):
    async def disturb(middle: Disturbed) -> None:
        await middle.share(0.1)
        async with stopped((await middle.process("nats")).pid):
            await asyncio.sleep(STOPPED_SECONDS)
        middle.still_flies("the start of NATS")
        await middle.share(0.35)
        for again in range(3):
            await middle.share(0.35 + 0.05 * again)
            await flush(tmp_path / "platform")
        await middle.share(0.6)
        # What `pg_ctl restart -m fast` sends: sessions end, a checkpoint, a new process.
        await middle.kill("postgres", signal.SIGINT)
        middle.still_flies("the start of Postgres")

    closed_exactly(await outcome_of(tmp_path / "platform", disturb))


@asynccontextmanager
async def stopped(pid: int) -> AsyncIterator[None]:
    """It keeps its connections and answers nothing."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def flush(folder) -> None:
    """As its administrator: no service may."""
    secrets, ports = (json.loads((folder / f"{name}.json").read_text()) for name in ("secrets", "ports"))
    async with Redis(port=ports["valkey.client"], password=secrets["valkey.password"]) as redis:
        await redis.flushall()
