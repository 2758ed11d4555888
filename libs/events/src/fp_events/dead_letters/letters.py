"""Events that could not be handled, and what operators do with them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from fp_events.message.subjects import dead_pattern, intersection, is_name, is_pattern


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One event that one consumer gave up.

    number: names the letter for show, replay and drop.
    reason: kind of the error, for programs. error: its text, for people; at most 512 characters.
    attempts: how often it was delivered.
    data, headers: the message as it came.
    """

    number: int
    consumer: str
    subject: str
    event_id: str
    reason: str
    error: str
    attempts: int
    time: datetime
    data: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Matching:
    """Which letters are meant.

    consumer: of this one; of all when empty. subject: pattern over the subject of the event.
    since, until: of the letter's time; `until` is not part of it.
    """

    consumer: str = ""
    subject: str = "fp.>"
    since: datetime | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        """Raises ValueError for what no letter could match."""
        if self.consumer and not is_name(self.consumer):
            raise ValueError(f"{self.consumer!r} is no name of a consumer")
        if not is_pattern(self.subject) or intersection(self.subject, "fp.>") is None:
            raise ValueError(f"{self.subject!r} is no pattern of subjects")

    @property
    def pattern(self) -> str:
        return dead_pattern(self.consumer or "*", intersection(self.subject, "fp.>") or "fp.>")

    def takes(self, letter: DeadLetter) -> bool:
        early = self.since is not None and letter.time < self.since
        late = self.until is not None and letter.time >= self.until
        return not (early or late)


EVERY: Final = Matching()


class DeadLetters(Protocol):
    """The events that consumers gave up; for operators. Every method raises Unavailable while the bus is away."""

    async def list(self, matching: Matching = EVERY, *, after: int = 0, limit: int = 100) -> Sequence[DeadLetter]:
        """Oldest first, those with a number above `after`; fewer than `limit` when there are no more."""

    async def show(self, number: int) -> DeadLetter:
        """Raises NotFound."""

    async def replay(self, number: int) -> None:
        """Give the event to its consumer alone once more and forget the letter. Raises NotFound.

        A letter is given out once: when the first call published it and died before it could forget the letter, the
        next one only forgets it. So the second effect, which an inbox that forgot the event could not prevent, is not
        even tried. The envelope and its id stay.
        """

    async def drop(self, number: int) -> None:
        """Forget the letter. Raises NotFound."""


async def each_letter(letters: DeadLetters, matching: Matching, *, page: int = 100) -> AsyncIterator[DeadLetter]:
    """Every letter that matches, oldest first; a page is read before the first of it is given out.

    Without `until` it goes on with letters that come meanwhile: a replay that fails again is one.
    """
    after = 0
    while found := await letters.list(matching, after=after, limit=page):
        for letter in found:
            yield letter
        after = found[-1].number
