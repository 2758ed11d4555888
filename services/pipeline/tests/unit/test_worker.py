"""How soon an execution comes back that a worker could not get through."""

import asyncio

import pytest
from fp_kernel import Unavailable
from fp_pipeline.app.attempt import Queued
from fp_pipeline.app.worker import Worker, WorkerPolicy
from fp_pipeline.domain.lease import Lease
from fp_postgres.signals import Subscriptions
from fp_testkit.patience import PATIENCE
from fp_testkit.wallclock import RunningClock


class OneExecution:
    """A store with one execution, whose claims end otherwise each time. pauses: with which it was given back."""

    def __init__(self, *outcomes: Exception) -> None:
        self._outcomes = list(outcomes)
        self.token = 500  # it was looked at often
        self.pauses: list[float] = []
        self.over = asyncio.Event()

    async def claim(self, holder, _limit, _ttl, but=frozenset()):
        if "e" in but:
            return []
        if not self._outcomes:
            self.over.set()
            return []
        self.token += 1
        return [Lease("e", holder, self.token)]

    async def load(self, _lease):
        raise self._outcomes.pop(0)

    async def release(self, _lease, pause):
        self.pauses.append(pause)


@pytest.mark.parametrize(
    ("outcomes", "pauses"),
    [
        ((Unavailable("away"),), [1.0]),
        ((Unavailable("away"), RuntimeError("a fault"), Unavailable("away")), [1.0, 2.0, 3.0]),
        ((Queued("another one is first"), Queued("another one is first"), Unavailable("away")), [5.0, 5.0, 1.0]),
        ((Unavailable("away"),) * 62, [*map(float, range(1, 61)), 60.0, 60.0]),
    ],
    ids=["once", "again and again", "after a wait in the queue", "for ever"],
)
async def test_it_comes_back_more_slowly_with_each_failure_whatever_the_number_of_its_lease(outcomes, pauses):
    store = OneExecution(*outcomes)
    worker = Worker(
        "w",
        leases=store,
        signals=Subscriptions(),
        runner=None,
        policy=WorkerPolicy(poll=0.001),
        clock=RunningClock(),
    )
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        running = group.create_task(worker.run())
        await store.over.wait()
        running.cancel()

    assert store.pauses == pauses
