"""Predictions by processes of their own."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from forgepoint.inference.v1 import inference_pb2
from fp_testkit.patience import PATIENCE

_PROGRAM = Path(__file__).parents[1] / "proof" / "load_program.py"
_MOST_OUTPUT = 64 * 1024 * 1024


@dataclass(frozen=True)
class Order:
    """callers: each asks again when it was answered, `pause` seconds later. rate: a second, instead of callers.

    count: predictions in all; 0 until it is stopped. keyed_every: of so many one has an idempotency key of its own.
    seconds: of one call. patient: whether one that is refused for its limits is asked again. timed, detailed: whether
    waits, and times and version of each answer, are kept.
    """

    address: str
    token: str
    body: str
    callers: int = 1
    rate: float = 0.0
    count: int = 0
    pause: float = 0.0
    keyed_every: int = 0
    seconds: float = 30.0
    patient: bool = False
    timed: bool = False
    detailed: bool = False


@dataclass
class Load:
    """What came of an order. failures: how often which was said, the most frequent ones.

    behind: seconds by which one was asked too late. cpu_seconds: of the process.
    """

    outcomes: Counter[str]
    failures: dict[str, int]
    waits: list[float]
    answers: list[tuple[float, float, str]]
    behind: float
    seconds: float
    cpu_seconds: float

    @property
    def p50(self) -> float:
        return sorted(self.waits)[len(self.waits) // 2]

    @property
    def p99(self) -> float:
        return sorted(self.waits)[len(self.waits) * 99 // 100]


class LoadProcess:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def ended(self) -> Load:
        """When it has asked as often as it was told to."""
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        await self._process.wait()
        found: dict[str, Any] = json.loads(line)
        return Load(**{**found, "outcomes": Counter(found["outcomes"])})

    async def stop(self) -> Load:
        assert self._process.stdin is not None
        self._process.stdin.close()
        async with asyncio.timeout(PATIENCE):
            return await self.ended()


def body_of(model: str, tensor: inference_pb2.TensorData, name: str = "x") -> str:
    return inference_pb2.PredictRequest(model_name=model, inputs={name: tensor}).SerializeToString().hex()


@asynccontextmanager
async def loading(order: Order) -> AsyncIterator[LoadProcess]:
    """A process that works at an order; it ends with the block, whatever happens."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(_PROGRAM), stdin=pipe, stdout=pipe, limit=_MOST_OUTPUT
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(asdict(order)).encode() + b"\n")
    try:
        yield LoadProcess(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
