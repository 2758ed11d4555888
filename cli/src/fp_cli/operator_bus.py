"""The bus, for operators' commands."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fp_cli.output import State

if TYPE_CHECKING:
    from fp_events import NatsBus

_REACH_SECONDS = 5.0


@asynccontextmanager
async def operator_bus(state: State) -> "AsyncIterator[NatsBus]":
    import os

    from fp_events import connect
    from fp_kernel import FailedPrecondition

    from fp_cli import context as contexts

    given, known = os.environ.get("FP_NATS_URL"), contexts.load(state.context)
    url = given or known.nats_url
    if not url:
        raise FailedPrecondition("the address of the bus is not known", metadata={"next_step": "set FP_NATS_URL"})
    # The bus of a platform that `fp up --tls` started speaks TLS as well, by the same authority.
    ca_file = os.environ.get("FP_NATS_CA_FILE") or ("" if given else known.ca_file)
    bus = await connect(url, name="fp", ca_file=Path(ca_file) if ca_file else None)
    try:
        # `connect` also returns when nobody answers; an operator wants to know it now.
        await _answers(bus, state.timeout)
        yield bus
    finally:
        await bus.close()


async def _answers(bus: "NatsBus", seconds: float) -> None:
    import asyncio

    from fp_kernel import Unavailable

    try:
        async with asyncio.timeout(min(seconds, _REACH_SECONDS)):
            await bus.ping()
    except (TimeoutError, Unavailable):
        step = "see `fp status`; FP_NATS_URL names another bus"
        raise Unavailable("the event bus does not answer", metadata={"next_step": step}) from None
