"""fp events."""

from typing import Any

import typer

from fp_cli.commands import letters
from fp_cli.operator_bus import operator_bus
from fp_cli.output import State, done

app = typer.Typer(help="The bus, for operators.", no_args_is_help=True)
app.add_typer(letters.app, name="dlq")


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

    async with operator_bus(state) as bus, passing(bus, subject, deliver=deliver) as stream:
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
        async with operator_bus(context.obj) as bus:
            await bus.ensure(STREAMS, CONSUMERS)

    asyncio.run(run())
    counts = {"streams": len(STREAMS), "durables": len(CONSUMERS)}
    done(context.obj, f"{counts['streams']} streams and {counts['durables']} durables are there", **counts)
