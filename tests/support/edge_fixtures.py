"""The edge in front of services that a proof started."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from fp_testkit.edge_process import EdgeProcess

EdgeFactory = Callable[..., Awaitable[EdgeProcess]]


@pytest.fixture
async def edge_before(tmp_path: Path) -> AsyncIterator[EdgeFactory]:
    """`await edge_before(registry="host:port", FP_EDGE_TRUSTED_HOPS="1")`: the edge, in front of these."""
    async with AsyncExitStack() as stack:

        async def start(**given: Any) -> EdgeProcess:
            settings = {name: value for name, value in given.items() if name.startswith("FP_")}
            addresses = {name: value for name, value in given.items() if name not in settings}
            edge = EdgeProcess(tmp_path, addresses, **settings)
            stack.push_async_callback(edge.stop)
            await edge.start()
            return edge

        yield start
