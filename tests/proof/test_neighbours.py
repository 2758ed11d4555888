"""A runtime that is dead, talks nonsense, stands still or is slow: what the callers of other models notice of it."""

import asyncio
import os
import signal
import statistics
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest
from fp_testkit.patience import PATIENCE
from load_process import Load, Order, body_of, loading
from platform_client import deploy_linear, predict_linear, row

pytestmark = pytest.mark.proof
WELL, ILL = "well", "ill"
CALLERS = 4
CALLS = int(os.environ.get("CALLS", "1500"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
KINDS = os.environ.get("KINDS", "dead,nonsense,hung,slow").split(",")
PAUSE_SECONDS = 0.01
DEADLINE_SECONDS = 1.0
SLOW_SECONDS = 0.2
MOST = 1.5


class Callers:
    """Those of the model that is well, in a process of their own, and beside them those of the other one in another."""

    def __init__(self, address: str, token: str):
        self._address, self._token = address, token

    async def run(self) -> tuple[Load, Load]:
        """What came of both, when the ones of the model that is well have asked so often."""
        others = self._order(ILL, seconds=DEADLINE_SECONDS)
        async with loading(others) as ill, loading(self._order(WELL, count=CALLS, timed=True)) as well:
            return await well.ended(), await ill.stop()

    def _order(self, model: str, **more) -> Order:
        body = body_of(model, row(1, 1, 1))
        return Order(self._address, self._token, body, callers=CALLERS, pause=PAUSE_SECONDS, **more)


class Ills:
    """What happens to the runtime of one model, and how it is well again."""

    def __init__(self, platform, admin, name):
        self._platform, self._admin, self._name = platform, admin, name
        self._supervisor = int((platform.folder / "supervisor.pid").read_text())

    async def runtime(self):
        return next(each for each in await self._platform.supervisor.runtimes() if each.name == self._name)

    @asynccontextmanager
    async def dead(self) -> AsyncIterator[None]:
        """Killed, while nobody starts it again."""
        runtime = await self.runtime()
        os.kill(self._supervisor, signal.SIGSTOP)
        try:
            os.kill(runtime.pid, signal.SIGKILL)
            yield
        finally:
            os.kill(self._supervisor, signal.SIGCONT)
        await predict_linear(self._admin, ILL)

    @asynccontextmanager
    async def talking_nonsense(self) -> AsyncIterator[None]:
        """Another program has its port."""
        host, _, port = (await self.runtime()).address.rpartition(":")

        async def talk(reader, writer):
            with suppress(ConnectionError):
                while await reader.read(100):
                    writer.write(os.urandom(200))
            writer.close()

        async with self.dead(), await _listening(talk, host, int(port)):
            yield

    @asynccontextmanager
    async def hung(self) -> AsyncIterator[None]:
        runtime = await self.runtime()
        os.kill(runtime.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(runtime.pid, signal.SIGCONT)

    @asynccontextmanager
    async def slow(self) -> AsyncIterator[None]:
        """It answers what came in a fifth of a second at a time."""
        runtime = await self.runtime()

        async def stumble():
            while True:
                os.kill(runtime.pid, signal.SIGSTOP)
                await asyncio.sleep(SLOW_SECONDS)
                os.kill(runtime.pid, signal.SIGCONT)
                await asyncio.sleep(SLOW_SECONDS / 20)

        async with asyncio.TaskGroup() as tasks:
            stumbling = tasks.create_task(stumble())
            try:
                yield
            finally:
                stumbling.cancel()
        os.kill(runtime.pid, signal.SIGCONT)


async def _listening(talk, host, port):
    """On a port that a process leaves that was killed a moment ago."""
    async with asyncio.timeout(PATIENCE):
        while True:
            with suppress(OSError):
                return await asyncio.start_server(talk, host, port, reuse_address=True)
            await asyncio.sleep(0.05)


async def test_the_callers_of_other_models_wait_half_as_long_again_at_most(platform, admin, admin_token):
    await deploy_linear(admin, WELL)
    before = {each.name for each in await platform.supervisor.runtimes()}
    await deploy_linear(admin, ILL)
    (name,) = {each.name for each in await platform.supervisor.runtimes()} - before
    ills, callers = Ills(platform, admin, name), Callers(platform.access.address, admin_token)
    kinds = {"dead": ills.dead, "nonsense": ills.talking_nonsense, "hung": ills.hung, "slow": ills.slow}
    await callers.run()
    ratios = {name: [] for name in KINDS}
    for _ in range(ROUNDS):
        for name, ill in ((name, kinds[name]) for name in KINDS):
            alone, _ = await callers.run()
            async with AsyncExitStack() as stack:
                await stack.enter_async_context(ill())
                beside, others = await callers.run()
            assert set(beside.outcomes) == {"OK"}, beside.outcomes
            ratios[name].append(beside.p99 / alone.p99)
            print(
                f"\n{name}: p99 {1e3 * alone.p99:.1f} -> {1e3 * beside.p99:.1f} ms, p50 {1e3 * alone.p50:.1f} -> "
                f"{1e3 * beside.p50:.1f}, answers of the ill one {dict(others.outcomes)}; "
                f"load {os.getloadavg()[0]:.1f}",
                flush=True,
            )
    found = {name: round(statistics.median(each), 2) for name, each in ratios.items()}
    print(f"\np99 of the other model, in parts of what it was: {found}")
    assert max(found.values()) < MOST
