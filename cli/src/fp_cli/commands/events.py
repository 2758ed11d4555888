"""fp events."""

from pathlib import Path
from typing import Any

import typer

from fp_cli.commands import letters
from fp_cli.commands.stack import DATA, folder
from fp_cli.operator_bus import operator_bus
from fp_cli.output import State, done, say, streamed

app = typer.Typer(help="The bus, for operators.", no_args_is_help=True)
app.add_typer(letters.app, name="dlq")


@app.command("tail")
def tail(
    context: typer.Context,
    subject: str = typer.Argument("fp.>", help="Pattern, for example fp.models.>"),
    everything: bool = typer.Option(False, "--all", help="From the oldest event stored, not from now."),
    count: int = typer.Option(0, min=0, help="Stop after so many; 0: never."),
) -> None:
    """Print events as they pass, without taking them from anyone."""
    import asyncio

    from fp_events.streams import by_stream
    from fp_kernel import invalid

    try:
        by_stream((subject,))
    except ValueError:
        raise invalid("subject", f"{subject!r} is stored by no stream; fp.> is everything") from None
    state: State = context.obj
    asyncio.run(_tail(state, subject, "all" if everything else "new", count))


async def _tail(state: State, subject: str, deliver: Any, count: int) -> None:
    from fp_events.consumer.tail import tail as passing

    from fp_cli.passing import facts, line

    async with operator_bus(state) as bus, passing(bus, subject, deliver=deliver) as stream:
        seen = 0
        async for passed in stream:
            if state.structured:
                streamed(state, facts(passed))
            else:
                say(state, line(passed))
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


@app.command("republish")
def republish(
    context: typer.Context,
    since: str = typer.Option("", help="What changed at this time or later; all that is stored (24 hours) without it."),
    subject: str = typer.Option("fp.>", help="One subject, or one with .> behind it."),
    database_url: list[str] = typer.Option([], help="Of a service; those of this machine's platform without it."),
    data: Path = DATA,
) -> None:
    """Publish again what services have published, for a bus that has lost it."""
    import asyncio
    from datetime import UTC, datetime

    from fp_events.message.subjects import is_pattern
    from fp_kernel import invalid
    from fp_postgres import republish_from

    from fp_cli.moments import moment
    from fp_cli.platform import databases

    if not is_pattern(subject) or "*" in subject or not subject.startswith("fp."):
        raise invalid("subject", f"{subject!r} is neither a subject nor one with .> behind it")
    moved = moment(since, "since") if since else datetime.min.replace(tzinfo=UTC)

    async def run() -> dict[str, int]:
        urls = {f"database {number}": url for number, url in enumerate(database_url, 1)} or await databases(
            folder(context.obj, data)
        )
        return {name: await republish_from(url, since=moved, subject=subject) for name, url in urls.items()}

    counts = asyncio.run(run())
    moved_counts = ", ".join(f"{count} of {name}" for name, count in counts.items() if count) or "no events"
    done(context.obj, f"published again: {moved_counts}", **counts)
