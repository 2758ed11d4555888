"""Real processes of one service on the same real stores, which can be killed as a machine dies."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from fp_events import Broadcast, Event, NatsBus
from fp_kernel import Unavailable
from fp_rpc import BearerToken, Channels
from fp_testkit.http import NO_TLS
from fp_testkit.issuer import SERVICE_SECRET, Issuer
from fp_testkit.patience import PATIENCE
from fp_testkit.ports import free_port

_HANDLED = re.compile(r"fp_\w+_events_consumed_total\{[^}]*\} ([0-9.e+]+)")


@dataclass
class Process:
    """`python -m fp_<noun>` on ports of its own, the same ones each time it is started."""

    noun: str
    environment: dict[str, str]
    log: Path
    running: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-m", f"fp_{self.noun}"]

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.environment['FP_GRPC_PORT']}"

    async def start(self) -> None:
        """Returns when it is ready."""
        running = self._launch()
        async with asyncio.timeout(PATIENCE):
            while not await self._ready():
                assert running.poll() is None, self.log.read_text()
                await asyncio.sleep(0.05)

    async def kill(self) -> None:
        """As `kill -9` does; returns when it is gone."""
        assert self.running is not None
        self.running.send_signal(signal.SIGKILL)
        assert await asyncio.to_thread(self.running.wait) == -signal.SIGKILL

    async def stop(self) -> None:
        if self.running is not None and self.running.poll() is None:
            self.running.terminate()
            await asyncio.to_thread(self.running.wait)

    async def handled(self) -> float:
        """Events that this process has taken from the bus since its start."""
        return sum(float(each) for each in _HANDLED.findall(await self._get("/metrics")))

    def _launch(self) -> "subprocess.Popen[bytes]":
        with self.log.open("ab") as log:
            self.running = subprocess.Popen(self.command, env=self.environment, stdout=log, stderr=log)
        return self.running

    async def _ready(self) -> bool:
        try:
            return '"ready"' in await self._get("/readyz")
        except httpx.HTTPError:
            return False

    async def _get(self, path: str) -> str:
        async with httpx.AsyncClient(timeout=PATIENCE, verify=NO_TLS) as http:
            return (await http.get(f"http://127.0.0.1:{self.environment['FP_HTTP_PORT']}{path}")).text


@dataclass
class Pair:
    """Two processes of one service, both ready."""

    first: Process
    second: Process
    database_url: str
    _channels: list[Channels]
    _issuer: Issuer

    async def under_deaths(self, publish: Callable[[int], Awaitable[None]], parts: int) -> list[float]:
        """`publish(part)` for each part, while each of the two is killed once and comes back after a while.

        Answers how many events each has taken while it was alone, so that a proof can tell that both had a part.
        """
        deaths = {parts // 6: self.first, parts // 2: self.second}
        returns = {parts // 3: self.first, 2 * parts // 3: self.second}
        alone: list[float] = []
        for part in range(parts):
            await publish(part)
            if process := deaths.get(part):
                if process is self.second:
                    alone.append(await eventually(self.second.handled))
                # Somewhere within what it has in hand.
                await asyncio.sleep(0.3)
                await process.kill()
            if process := returns.get(part):
                if process is self.second:
                    alone.append(await eventually(self.first.handled))
                await process.start()
        return alone

    def channel(self, process: Process, role: str = "admin") -> grpc.aio.Channel:
        """As a person of team alpha."""
        self._channels.append(Channels(BearerToken(getattr(self._issuer.identity, role)("alpha"))))
        return self._channels[-1].open(process.address, timeout=PATIENCE)


Replicas = Callable[..., Awaitable[Pair]]


@pytest.fixture
async def replicas(databases: Any, nats_url: str, issuer: Issuer, tmp_path: Path) -> AsyncIterator[Replicas]:
    """`await replicas("billing", FP_BILLING_LINGER="0.01")`: two of them, on one new database."""
    async with AsyncExitStack() as stack:

        async def start(noun: str, **settings: str) -> Pair:
            url = await databases.create(resources.files(f"fp_{noun}") / "migrations", service=noun)
            common = {
                "PATH": os.environ["PATH"],
                "FP_BIND_HOST": "127.0.0.1",
                "FP_ENV": "dev",
                "FP_AUTH_ISSUER": issuer.url,
                "FP_AUTH_ADDR": issuer.address,
                "FP_SERVICE_SECRET": SERVICE_SECRET,
                "FP_NATS_URL": nats_url,
                "FP_DATABASE_URL": url,
            }
            both = []
            for number in (1, 2):
                ports = {"FP_GRPC_PORT": str(free_port()), "FP_HTTP_PORT": str(free_port())}
                process = Process(noun, {**common, **settings, **ports}, tmp_path / f"{noun}-{number}.log")
                stack.push_async_callback(process.stop)
                both.append(process)
            await asyncio.gather(*(each.start() for each in both))
            channels: list[Channels] = []

            async def close() -> None:
                for each in channels:
                    await each.close()

            stack.push_async_callback(close)
            return Pair(*both, database_url=url, _channels=channels, _issuer=issuer)

        yield start


async def eventually(question: Callable[[], Awaitable[Any]], *, patience: float = 3 * PATIENCE) -> Any:
    """The first true answer."""
    async with asyncio.timeout(patience):
        while not (answer := await question()):
            await asyncio.sleep(0.05)
    return answer


async def answered(call: Callable[[], Awaitable[Any]]) -> Any:
    """The answer of a process that came back: a channel believes in its death for a while."""
    async with asyncio.timeout(3 * PATIENCE):
        while True:
            try:
                return await call()
            except Unavailable:
                await asyncio.sleep(0.1)


async def heard(bus: NatsBus, subject: str, number: int) -> list[Event]:
    """Every message of a subject that the bus stores, as soon as there are so many, and those that came with them."""
    found: list[Event] = []
    enough = asyncio.Event()

    async def note(event: Event) -> None:
        found.append(event)
        if len(found) >= number:
            enough.set()

    caught_up = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        wanted = Broadcast("proof", (subject,), deliver="all")
        listening = group.create_task(bus.broadcast(wanted, note, caught_up=caught_up))
        async with asyncio.timeout(3 * PATIENCE):
            await caught_up.wait()
            await enough.wait()
        listening.cancel()
    return found
