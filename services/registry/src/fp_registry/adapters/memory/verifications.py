"""The queue of uploads to measure, in memory."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from fp_kernel import Clock

from fp_registry.adapters.memory.state import State, Waiting
from fp_registry.app.ports import Verification

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class MemoryVerifications:
    """`app.ports.Verifications` on the wishes of a state; the given clock decides."""

    def __init__(self, state: State, clock: Clock) -> None:
        self._state = state
        self._clock = clock

    async def take(self, lease: timedelta) -> Verification | None:
        now = self._clock.now()
        due = [waiting for waiting in self._state.verifications.values() if (waiting.due_at or now) <= now]
        if not due:
            return None
        first = min(due, key=lambda waiting: waiting.due_at or _LONG_AGO)
        wish = replace(first.wish, attempts=first.wish.attempts + 1)
        self._state.verifications[wish.version_id] = Waiting(wish, now + lease)
        return wish

    async def keep(self, version_id: str, lease: timedelta) -> None:
        self._delay(version_id, lease)

    async def put_back(self, version_id: str, delay: timedelta) -> None:
        self._delay(version_id, delay)

    def _delay(self, version_id: str, delay: timedelta) -> None:
        waiting = self._state.verifications.get(version_id)
        if waiting is not None:
            self._state.verifications[version_id] = replace(waiting, due_at=self._clock.now() + delay)
