"""fp events dlq."""

import asyncio
from typing import TYPE_CHECKING, Any

import typer

from fp_cli.operator_bus import operator_bus
from fp_cli.output import State, document, done, record, rows

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fp_events import DeadLetters, Matching

app = typer.Typer(help="Events that a consumer could not handle.", no_args_is_help=True)
_SHOWN = ("number", "consumer", "type", "attempts", "reason", "at")

_CONSUMER = typer.Option("", help="Of one consumer.")
_SUBJECT = typer.Option("fp.>", help="Pattern of subjects, for example fp.models.>.")
_SINCE = typer.Option("", help="Dead at this time or later, for example 2026-03-01T12:00Z.")
_UNTIL = typer.Option("", help="Dead before this time.")
_ALL = typer.Option(False, "--all", help="All that the other options name, instead of numbers.")
_NUMBERS = typer.Argument(None, help="Of the letters, as listed.")


@app.command("list")
def list_letters(
    context: typer.Context,
    consumer: str = _CONSUMER,
    subject: str = _SUBJECT,
    since: str = _SINCE,
    until: str = _UNTIL,
    after: int = typer.Option(0, min=0, help="Those with a larger number: the last one of the page before."),
    limit: int = typer.Option(100, min=1, max=1000),
) -> None:
    """List dead letters, oldest first."""
    from fp_cli.passing import letter

    matching = _matching(consumer, subject, since, until)

    async def run() -> list[dict[str, Any]]:
        async with operator_bus(context.obj) as bus:
            return [letter(found) for found in await bus.dead_letters.list(matching, after=after, limit=limit)]

    rows(context.obj, _SHOWN, asyncio.run(run()))


@app.command("show")
def show_letter(context: typer.Context, number: int) -> None:
    """Show a dead letter with its event."""
    from fp_cli.passing import letter

    async def run() -> dict[str, Any]:
        async with operator_bus(context.obj) as bus:
            return letter(await bus.dead_letters.show(number), whole=True)

    state: State = context.obj
    found = asyncio.run(run())
    if state.structured:
        document(state, found)
    else:
        record(state, found)


def _add_command(verb: str, explanation: str) -> None:
    """`replay` and `drop` take the same letters; they differ in what is done with each."""

    def command(
        context: typer.Context,
        numbers: list[int] = _NUMBERS,
        every: bool = _ALL,
        consumer: str = _CONSUMER,
        subject: str = _SUBJECT,
        since: str = _SINCE,
        until: str = _UNTIL,
    ) -> None:
        _for_each_letter(context.obj, verb, numbers or [], every, _matching(consumer, subject, since, until))

    app.command(verb, help=explanation)(command)


_add_command("replay", "Hand events to their consumer alone once more.")
_add_command("drop", "Delete dead letters.")


def _for_each_letter(state: State, verb: str, numbers: list[int], every: bool, matching: "Matching") -> None:
    """Raises InvalidArgument unless the letters are named in exactly one way."""
    from fp_events import EVERY
    from fp_kernel import invalid

    if every == bool(numbers) or (numbers and matching != EVERY):
        raise invalid("numbers", "say either numbers, or --all with what limits it")

    async def run() -> int:
        async with operator_bus(state) as bus:
            act = {"replay": bus.dead_letters.replay, "drop": bus.dead_letters.drop}[verb]
            if every:
                return await _all_letters(bus.dead_letters, act, matching)
            for number in numbers:
                await act(number)
            return len(numbers)

    count = asyncio.run(run())
    done(state, f"{verb}: {count} done", **{verb: numbers or count})


async def _all_letters(letters: "DeadLetters", act: "Callable[[int], Awaitable[None]]", matching: "Matching") -> int:
    """Those that are there now: an event that fails again meanwhile makes a new letter, which is not meant."""
    from dataclasses import replace
    from datetime import UTC, datetime

    from fp_events.dead_letters import each_letter
    from fp_kernel import NotFound

    count = 0
    async for letter in each_letter(letters, replace(matching, until=matching.until or datetime.now(UTC))):
        try:
            await act(letter.number)
        except NotFound:
            continue  # another operator was quicker
        count += 1
    return count


def _matching(consumer: str, subject: str, since: str, until: str) -> "Matching":
    from fp_events import Matching
    from fp_kernel import invalid

    from fp_cli.moments import moment

    times = (moment(since, "since") if since else None, moment(until, "until") if until else None)
    try:
        return Matching(consumer, subject, *times)
    except ValueError as error:
        raise invalid("subject" if "pattern" in str(error) else "consumer", str(error)) from None
