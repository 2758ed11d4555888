"""A circuit breaker: policy, state, and time passed in."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    CLOSED = "CLOSED"
    OPEN = "OPEN"
    HALF_OPEN = "HALF_OPEN"


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """failures: in a row that open it; unreachable: where the last of them was answered by nobody, 0 for as many.

    open_seconds: until one probe. successes: in a row that close it again.
    """

    failures: int = 5
    open_seconds: float = 30.0
    successes: int = 2
    unreachable: int = 0


@dataclass(frozen=True, slots=True)
class Permit:
    """The right to make one call; its outcome counts only while the breaker has not moved on."""

    epoch: int


class Breaker:
    """One target of one process. Times are monotonic seconds.

    `allow` gives permits; each is followed by exactly one of `succeeded`, `failed` or `returned`.
    """

    def __init__(self, policy: BreakerPolicy, now: float) -> None:
        self._policy = policy
        self._epoch = 0
        self._successes = 0
        self._probing = False
        self._unreachable = False
        self.state = State.CLOSED
        self.failures = 0
        self.changed_at = now

    def allow(self, now: float) -> Permit | None:
        """A permit, or None while calls would only add to the trouble. Half open, there is one at a time."""
        if self.state is State.OPEN and now - self.changed_at >= self._policy.open_seconds:
            self._move(State.HALF_OPEN, now)
        if self.state is State.OPEN or (self.state is State.HALF_OPEN and self._probing):
            return None
        self._probing = self.state is State.HALF_OPEN
        return Permit(self._epoch)

    def retry_after(self, now: float) -> float:
        """Seconds until a permit may be had."""
        if self.state is State.OPEN:
            return max(0.0, self.changed_at + self._policy.open_seconds - now)
        return 0.0

    def succeeded(self, permit: Permit, now: float) -> None:
        if permit.epoch != self._epoch:
            return
        self._probing = False
        self.failures = 0
        if self.state is State.HALF_OPEN:
            self._successes += 1
            if self._successes >= self._policy.successes:
                self._move(State.CLOSED, now)

    def failed(self, permit: Permit, now: float, *, unreachable: bool = False) -> None:
        """unreachable: nobody answered at all; such a target is asked again as soon as it is seen to be back."""
        if permit.epoch != self._epoch:
            return
        self._unreachable = unreachable
        self.failures += 1
        most = (self._policy.unreachable if unreachable else 0) or self._policy.failures
        if self.state is State.HALF_OPEN or self.failures >= most:
            self._move(State.OPEN, now)

    def returned(self, permit: Permit) -> None:
        """The call was made by nobody, or its outcome says nothing of the target."""
        if permit.epoch == self._epoch:
            self._probing = False

    @property
    def moved(self) -> bool:
        """Whether it was ever anything but closed."""
        return self._epoch > 0

    @property
    def is_open(self) -> bool:
        return self.state is State.OPEN

    @property
    def awaits_return(self) -> bool:
        """Whether it opened because nobody answered, so that seeing the target again is worth a probe."""
        return self.state is State.OPEN and self._unreachable

    def seen(self, now: float) -> None:
        """The target, which had been unreachable, says that it is ready: the next call is the probe."""
        if self.awaits_return:
            self._move(State.HALF_OPEN, now)

    def _move(self, state: State, now: float) -> None:
        self.state = state
        self.changed_at = now
        self._epoch += 1
        self._successes = 0
        self._probing = False
        if state is not State.OPEN:
            self.failures = 0
