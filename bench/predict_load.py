"""Callers that each wait for their own answer, and what their calls cost."""

import asyncio
import json
import statistics
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from processes import Used

Call = Callable[[], Awaitable[object]]
Usage = Callable[[], Awaitable[dict[str, Used]]]


@dataclass
class Way:
    """One way to a prediction. caller: opens what one caller needs; the call raises when it is not answered.

    usage: what its processes used so far. settled: awaited behind the answers, for what is done then.
    """

    caller: Callable[[], AbstractAsyncContextManager[Call]]
    usage: Usage
    settled: Callable[[int], Awaitable[None]] | None = None
    rounds: dict[int, list["Round"]] = field(default_factory=lambda: defaultdict(list))

    async def round(self, callers: int, count: int) -> "Round":
        before = await self.usage()
        waits, seconds = await _drive(self.caller, callers, count)
        if self.settled is not None:
            await self.settled(len(waits))
        used = {name: each - before.get(name, Used()) for name, each in (await self.usage()).items()}
        found = Round(waits, seconds, used)
        self.rounds[callers].append(found)
        return found

    def figures(self) -> dict[str, Any]:
        return {f"c{callers}": summary(rounds) for callers, rounds in sorted(self.rounds.items())}

    def rate(self, callers: int) -> float:
        return statistics.median(each.rate for each in self.rounds[callers])


@dataclass(frozen=True)
class Round:
    """waits: seconds of each call, sorted. seconds: of all. used: by process, until everything was settled."""

    waits: list[float]
    seconds: float
    used: dict[str, Used]

    @property
    def rate(self) -> float:
        return len(self.waits) / self.seconds


async def _drive(caller: Callable[[], AbstractAsyncContextManager[Call]], callers: int, count: int) -> Any:
    waits: list[float] = []
    each = count // callers

    async def calls(call: Call) -> None:
        for _ in range(each):
            began = time.perf_counter()
            await call()
            waits.append(time.perf_counter() - began)

    async with AsyncExitStack() as stack:
        ready = [await stack.enter_async_context(caller()) for _ in range(callers)]
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for call in ready:
                group.create_task(calls(call))
        seconds = time.perf_counter() - began
    return sorted(waits), seconds


def summary(rounds: list[Round]) -> dict[str, Any]:
    """Medians of the rounds; CPU in microseconds and wake-ups a prediction, of all and by process, dearest first."""

    def middle(figure: Callable[[Round], float], digits: int = 0) -> float:
        return round(statistics.median(map(figure, rounds)), digits)

    def a_call(name: str, figure: Callable[[Used], float], digits: int) -> float:
        return middle(lambda each: figure(each.used.get(name, Used())) / len(each.waits), digits)

    names = {name for each in rounds for name in each.used}
    cpu = {name: a_call(name, lambda used: used.cpu * 1e6, 0) for name in names}
    wakeups = {name: a_call(name, lambda used: used.wakeups, 2) for name in names}
    return {
        "rate": middle(lambda each: each.rate),
        "p50_ms": middle(lambda each: each.waits[len(each.waits) // 2] * 1e3, 2),
        "p99_ms": middle(lambda each: each.waits[len(each.waits) * 99 // 100] * 1e3, 2),
        "cpu_us": {"all": sum(cpu.values()), **_dearest(cpu)},
        "wakeups": {"all": round(sum(wakeups.values()), 2), **_dearest(wakeups)},
    }


def _dearest(figures: dict[str, float]) -> dict[str, float]:
    return {name: figure for name, figure in sorted(figures.items(), key=lambda pair: -pair[1]) if figure}


def rest_caller(address: str, path: str, body: Any, headers: dict[str, str] | None = None) -> Any:
    """A caller with an HTTP/1.1 connection of its own: no client library, whose price would be in every figure."""
    host, _, port = address.rpartition(":")
    encoded = json.dumps(body).encode()
    named = {
        "host": address,
        "content-type": "application/json",
        "content-length": str(len(encoded)),
        **(headers or {}),
    }
    head = "\r\n".join((f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items()), "", ""))
    request = head.encode() + encoded

    @asynccontextmanager
    async def opened() -> AsyncIterator[Call]:
        reader, writer = await asyncio.open_connection(host, int(port))

        async def call() -> None:
            writer.write(request)
            answer = await reader.readuntil(b"\r\n\r\n")
            if not answer.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(answer.decode())
            await _body(reader, answer.lower())

        try:
            yield call
        finally:
            writer.close()

    return opened


async def _body(reader: asyncio.StreamReader, head: bytes) -> None:
    _, found, rest = head.partition(b"content-length:")
    if found:
        await reader.readexactly(int(rest.split(b"\r\n", 1)[0]))
        return
    while size := int(await reader.readuntil(b"\r\n"), 16):
        await reader.readexactly(size + 2)
    await reader.readuntil(b"\r\n")
