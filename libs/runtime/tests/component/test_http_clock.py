"""How often the HTTP server of a service looks at the clock."""

import asyncio
from types import SimpleNamespace

import uvicorn
from fp_runtime import http
from fp_testkit.patience import PATIENCE
from starlette.applications import Starlette


async def test_each_look_at_the_clock_sets_the_date_so_that_one_a_second_is_enough(monkeypatch):
    server = http._Server(uvicorn.Config(Starlette(), lifespan="off"))
    server.config.load()
    looks, dates = 0, []

    def now() -> float:
        nonlocal looks
        looks += 1
        return looks * 86_400.0

    async def look(counter: int) -> bool:
        ended = await uvicorn.Server.on_tick(server, counter)
        dates.append(server.server_state.default_headers[0])
        if len(dates) == 3:
            server.end()
        return ended

    monkeypatch.setattr("uvicorn.server.time", SimpleNamespace(time=now))
    monkeypatch.setattr(server, "on_tick", look)
    monkeypatch.setattr(http, "_TICK", 0.0)
    async with asyncio.timeout(PATIENCE):
        await server.main_loop()
    assert len(dates) == len(set(dates)) == looks
