"""Events that could not be handled, and what operators do with them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


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


class DeadLetters(Protocol):
    async def list(self, consumer: str = "", *, after: int = 0, limit: int = 100) -> Sequence[DeadLetter]:
        """Oldest first, those with a number above `after`; of one consumer when it is named."""

    async def show(self, number: int) -> DeadLetter:
        """Raises NotFound."""

    async def replay(self, number: int) -> None:
        """Give the event to its consumer alone once more and forget the letter. Raises NotFound.

        The envelope and its id stay, so that an effect which did happen does not happen twice.
        """

    async def drop(self, number: int) -> None:
        """Forget the letter. Raises NotFound."""
