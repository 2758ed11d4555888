from collections.abc import AsyncIterator

import pytest_asyncio
from fp_events import STREAMS
from fp_testkit.memory_bus import MemoryBus
from fp_testkit.suites import BusSuite


class TestMemoryBus(BusSuite):
    @pytest_asyncio.fixture
    async def bus(self) -> AsyncIterator[MemoryBus]:
        bus = MemoryBus()
        await bus.ensure(STREAMS, ())
        yield bus
        await bus.close()
