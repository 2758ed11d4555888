"""The queue of uploads to measure, in memory."""

from datetime import datetime, timedelta

from fp_kernel import Clock

from fp_registry.adapters.memory.state import State
from fp_registry.app.ports import Verification


class MemoryVerifications:
    """`app.ports.Verifications` on the wishes of a state; the given clock decides."""

    def __init__(self, state: State, clock: Clock) -> None:
        self._state = state
        self._clock = clock

    async def take(self, lease: timedelta) -> Verification | None:
        now = self._clock.now()
        due = [version_id for version_id in self._state.verifications if self._due_at(version_id) <= now]
        if not due:
            return None
        version_id = min(due, key=self._due_at)
        wish = self._state.verifications[version_id]
        self._state.verifications[version_id] = {**wish, "attempts": wish["attempts"] + 1, "due_at": now + lease}
        return Verification(
            version_id=version_id,
            team=wish["team"],
            expected_digest=wish["expected_digest"],
            requested_by=wish["requested_by"],
            correlation_id=wish["correlation_id"],
            attempts=wish["attempts"] + 1,
        )

    async def keep(self, version_id: str, lease: timedelta) -> None:
        self._delay(version_id, lease)

    async def put_back(self, version_id: str, delay: timedelta) -> None:
        self._delay(version_id, delay)

    async def waiting(self) -> int:
        return len(self._state.verifications)

    def _delay(self, version_id: str, delay: timedelta) -> None:
        wish = self._state.verifications.get(version_id)
        if wish is not None:
            self._state.verifications[version_id] = {**wish, "due_at": self._clock.now() + delay}

    def _due_at(self, version_id: str) -> datetime:
        found = self._state.verifications[version_id].get("due_at")
        return found if isinstance(found, datetime) else datetime.min.replace(tzinfo=self._clock.now().tzinfo)
