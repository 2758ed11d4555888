"""Dead letters of a bus in memory."""

from collections.abc import Sequence

from fp_events.dead_letters import EVERY, DeadLetter, Matching
from fp_events.dead_letters.headers import event_id, letter, replayed
from fp_events.message.envelope import EncodedEvent
from fp_events.message.subjects import dead_pattern, matches
from fp_kernel import NotFound
from fp_kernel.times import utc

from fp_testkit.memory_bus.log import Kept, MemoryLog


class MemoryDeadLetters:
    """The number of a letter is its place in the log."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    async def list(self, matching: Matching = EVERY, *, after: int = 0, limit: int = 100) -> Sequence[DeadLetter]:
        found = [
            _letter(kept)
            for kept in self._log.messages
            if kept.number > after and matches(matching.pattern, kept.message.subject)
        ]
        return [dead for dead in found if matching.takes(dead)][:limit]

    async def show(self, number: int) -> DeadLetter:
        for kept in self._log.messages:
            if kept.number == number and matches(dead_pattern(), kept.message.subject):
                return _letter(kept)
        raise NotFound(f"there is no dead letter {number}")

    async def replay(self, number: int) -> None:
        self._log.append(replayed(await self.show(number)))
        self._log.remove(number)

    async def drop(self, number: int) -> None:
        await self.show(number)
        self._log.remove(number)


def _letter(kept: Kept) -> DeadLetter:
    given = kept.message
    message = EncodedEvent(event_id(given.headers), given.subject, given.data, given.headers)
    return letter(kept.number, message, utc(0, 0))
