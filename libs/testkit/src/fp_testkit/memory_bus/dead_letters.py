"""Dead letters of a bus in memory."""

from collections.abc import Sequence

from fp_events.dead_letters import EVERY, DeadLetter, Matching
from fp_events.dead_letters.headers import event_id, letter, replayed
from fp_events.message.envelope import EncodedEvent
from fp_events.message.subjects import dead_pattern, matches
from fp_kernel import NotFound
from fp_kernel.times import utc

from fp_testkit.memory_bus.log import MemoryLog, Stored


class MemoryDeadLetters:
    """The number of a letter is its place in the log."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    async def list(self, matching: Matching = EVERY, *, after: int = 0, limit: int = 100) -> Sequence[DeadLetter]:
        found = [
            _letter(stored)
            for stored in self._log.messages
            if stored.number > after and matches(matching.pattern, stored.message.subject)
        ]
        return [dead for dead in found if matching.takes(dead)][:limit]

    async def show(self, number: int) -> DeadLetter:
        for stored in self._log.messages:
            if stored.number == number and matches(dead_pattern(), stored.message.subject):
                return _letter(stored)
        raise NotFound(f"there is no dead letter {number}")

    async def replay(self, number: int) -> None:
        self._log.append(replayed(await self.show(number)))
        self._log.remove(number)

    async def drop(self, number: int) -> None:
        await self.show(number)
        self._log.remove(number)


def _letter(stored: Stored) -> DeadLetter:
    given = stored.message
    message = EncodedEvent(event_id(given.headers), given.subject, given.data, given.headers)
    return letter(stored.number, message, utc(0, 0))
