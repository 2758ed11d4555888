"""fp events."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import typer

from fp_cli.output import State, document, done, record, rows

if TYPE_CHECKING:
    from fp_events import NatsBus

app = typer.Typer(help="The bus, for operators.", no_args_is_help=True)
dlq = typer.Typer(help="Events that a consumer could not handle.", no_args_is_help=True)
app.add_typer(dlq, name="dlq")
_REACH_SECONDS = 5.0
_LETTER = ("number", "consumer", "type", "attempts", "reason", "at")


@asynccontextmanager
async def _bus(state: State) -> "AsyncIterator[NatsBus]":
    import os

    from fp_events import connect
    from fp_kernel import FailedPrecondition

    from fp_cli import context as contexts

    url = os.environ.get("FP_NATS_URL") or contexts.load().nats_url
    if not url:
        raise FailedPrecondition("the address of the bus is not known", metadata={"next_step": "set FP_NATS_URL"})
    bus = await connect(url, name="fp")
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


@app.command("tail")
def tail(
    context: typer.Context,
    subject: str = typer.Argument("fp.>", help="Pattern, for example fp.models.>"),
    everything: bool = typer.Option(False, "--all", help="From the oldest event kept, not from now."),
    count: int = typer.Option(0, min=0, help="Stop after so many; 0: never."),
) -> None:
    """Print events as they pass, without taking them from anyone."""
    import asyncio

    from fp_events.streams import by_stream
    from fp_kernel import invalid

    try:
        by_stream((subject,))
    except ValueError:
        raise invalid("subject", f"{subject!r} is kept by no stream; fp.> is everything") from None
    state: State = context.obj
    asyncio.run(_tail(state, subject, "all" if everything else "new", count))


async def _tail(state: State, subject: str, deliver: Any, count: int) -> None:
    import sys

    from fp_events.tail import tail as passing

    from fp_cli.passing import line

    async with _bus(state) as bus, passing(bus, subject, deliver=deliver) as stream:
        seen = 0
        async for passed in stream:
            sys.stdout.write(line(passed, as_json=state.json) + "\n")
            sys.stdout.flush()
            seen += 1
            if seen == count:
                return


@app.command("init")
def init(context: typer.Context) -> None:
    """Create every declared stream and durable, ahead of a deploy."""
    import asyncio

    from fp_events import CONSUMERS, STREAMS

    async def run() -> None:
        async with _bus(context.obj) as bus:
            await bus.ensure(STREAMS, CONSUMERS)

    asyncio.run(run())
    counts = {"streams": len(STREAMS), "durables": len(CONSUMERS)}
    done(context.obj, f"{counts['streams']} streams and {counts['durables']} durables are there", **counts)


@dlq.command("list")
def list_letters(
    context: typer.Context,
    consumer: str = typer.Option("", help="Of one consumer."),
    limit: int = typer.Option(100, min=1, max=1000),
) -> None:
    """List dead letters, oldest first."""
    import asyncio

    from fp_events import dlq as letters

    from fp_cli.passing import letter

    async def run() -> list[dict[str, Any]]:
        async with _bus(context.obj) as bus:
            return [letter(found) for found in await letters.list(bus, consumer, limit=limit)]

    rows(context.obj, _LETTER, asyncio.run(run()))


@dlq.command("show")
def show_letter(context: typer.Context, number: int) -> None:
    """Show a dead letter with its event."""
    import asyncio

    from fp_events import dlq as letters

    from fp_cli.passing import letter

    async def run() -> dict[str, Any]:
        async with _bus(context.obj) as bus:
            return letter(await letters.show(bus, number), whole=True)

    state: State = context.obj
    found = asyncio.run(run())
    if state.json:
        document(found)
    else:
        record(state, found)


@dlq.command("replay")
def replay_letter(context: typer.Context, numbers: list[int]) -> None:
    """Hand events to their consumer alone once more."""
    _each(context, numbers, "replay")


@dlq.command("drop")
def drop_letter(context: typer.Context, numbers: list[int]) -> None:
    """Forget dead letters."""
    _each(context, numbers, "drop")


def _each(context: typer.Context, numbers: list[int], verb: str) -> None:
    import asyncio

    from fp_events import dlq as letters

    async def run() -> None:
        async with _bus(context.obj) as bus:
            for number in numbers:
                await getattr(letters, verb)(bus, number)

    asyncio.run(run())
    done(context.obj, f"{verb}: {len(numbers)} done", **{verb: numbers})
