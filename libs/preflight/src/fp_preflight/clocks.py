"""Whether a store's clock and ours agree."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final, TypeVar

from fp_kernel import Clock

FARTHEST: Final = timedelta(seconds=30)
"""Half of the grace that tokens are judged with; they and signed URLs meet the clocks of several machines."""

Answer = TypeVar("Answer")


async def timed(clock: Clock, ask: Callable[[], Awaitable[Answer]]) -> tuple[datetime, datetime, Answer]:
    """When it was asked, when it answered, and what."""
    before = clock.now()
    answer = await ask()
    return before, clock.now(), answer


def skew(before: datetime, after: datetime, told: datetime, exact: timedelta = timedelta()) -> timedelta:
    """At least so much their clocks differ: it told its time between the two. exact: how far it rounds down."""
    if told < before - exact:
        return told + exact - before
    return max(told - after, timedelta())


def fault(store: str, found: timedelta) -> str | None:
    if abs(found) <= FARTHEST:
        return None
    side = "ahead of" if found > timedelta() else "behind"
    seconds = abs(found).total_seconds()
    return f"{store}: its clock is {seconds:.0f} s {side} this node's: at most {FARTHEST.seconds} s are borne"
