"""Further processes of a running platform's services that come back as soon as a supervisor's do: forks of a zygote."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fp_devstack.supervisor.zygote_link import Exit, Zygote
from fp_devstack.zygote.wire import Fork
from fp_testkit.patience import PATIENCE
from platform_replicas import NotedProcess


@dataclass
class ForkedProcess(NotedProcess):
    """ready: whether it was, when it was looked at last."""

    zygote: Zygote = field(kw_only=True)
    ready: bool = field(default=False, init=False)
    pid: int = field(default=0, init=False)
    ended: Exit | None = field(default=None, init=False)

    async def start(self) -> None:
        module, arguments = "noted_service", (str(self.notes), f"fp_{self.noun}")
        request = Fork(0, f"fp-{self.noun}", module, arguments, self.environment, str(self.log.parent))
        output = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self.pid, self.ended = await self.zygote.fork(request, output)
        finally:
            os.close(output)
        async with asyncio.timeout(3 * PATIENCE):
            while not await self._ready():
                assert not self.ended.done(), self.log.read_text()[-4_000:]
                await asyncio.sleep(0.05)
        self.ready = True

    async def kill(self) -> None:
        assert await self._end(signal.SIGKILL) == -signal.SIGKILL

    async def stop(self) -> None:
        if self.ended is not None and not self.ended.done():
            await self._end(signal.SIGTERM)

    async def _end(self, number: int) -> int:
        assert self.ended is not None
        self.ready = False
        await self.zygote.kill(self.pid, number)
        return await asyncio.shield(self.ended)


@pytest.fixture
async def zygote(tmp_path: Path) -> AsyncIterator[Zygote]:
    """It has imported what services share."""
    (tmp_path / "logs").mkdir()
    here = Path(__file__).parent
    zygote = Zygote(tmp_path, {"PATH": os.environ["PATH"], "PYTHONPATH": str(here)})
    running = asyncio.ensure_future(zygote.run())
    await zygote.wait_ready()
    yield zygote
    await zygote.stop()
    await running
