"""Operators' commands on dead letters."""

from collections.abc import Sequence

from fp_events.bus import Bus
from fp_events.dead_letters import DeadLetter


async def list(bus: Bus, consumer: str = "", *, after: int = 0, limit: int = 100) -> Sequence[DeadLetter]:  # noqa: A001 -- read as dlq.list
    """Oldest first, with a number above `after`; of one consumer when it is named."""
    return await bus.dead_letters.list(consumer, after=after, limit=limit)


async def show(bus: Bus, number: int) -> DeadLetter:
    """Raises NotFound."""
    return await bus.dead_letters.show(number)


async def replay(bus: Bus, number: int) -> None:
    """Hand the event to its consumer alone once more. Raises NotFound."""
    await bus.dead_letters.replay(number)


async def drop(bus: Bus, number: int) -> None:
    """Forget the letter. Raises NotFound."""
    await bus.dead_letters.drop(number)
