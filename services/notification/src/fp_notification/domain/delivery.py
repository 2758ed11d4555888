"""The state of a delivery after an attempt."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fp_notification.domain.notifications import Status

_GONE = 410
_OK = range(200, 300)
_REDIRECTS = range(300, 400)
_LONGEST_PAUSE = 86_400.0
_LONGEST_ERROR = 300


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of sending. code: 0 without an answer. final: no repetition can help.

    retry_after: seconds that the receiver asked for; None when it did not.
    """

    code: int = 0
    error: str = ""
    final: bool = False
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Backoff:
    """delays: seconds before the 2nd, 3rd, ... attempt; after the last one there is none. jitter: share of a delay."""

    delays: Sequence[float] = (5.0, 30.0, 120.0, 600.0, 3_600.0, 10_800.0, 21_600.0)
    jitter: float = 0.2

    def pause(self, attempt: int, asked: float | None, random: Callable[[], float]) -> float | None:
        """Seconds after the attempt of this number; None when it was the last. asked: by the receiver."""
        if attempt > len(self.delays):
            return None
        own = self.delays[attempt - 1] * (1.0 + self.jitter * (2.0 * random() - 1.0))
        return min(max(own, asked or 0.0), _LONGEST_PAUSE)


@dataclass(frozen=True, slots=True)
class Verdict:
    """pause: seconds until the next attempt, when there is one. gone: the target wants no more, ever."""

    status: Status
    error: str
    pause: float = 0.0
    gone: bool = False


def judge(answer: Answer, attempt: int, backoff: Backoff, random: Callable[[], float]) -> Verdict:
    """attempt: the number of the one that was answered so."""
    if answer.code in _OK:
        return Verdict(Status.DELIVERED, "")
    error = (answer.error or _refused(answer.code))[:_LONGEST_ERROR]
    if answer.code == _GONE:
        return Verdict(Status.FAILED, error, gone=True)
    pause = None if answer.final else backoff.pause(attempt, answer.retry_after, random)
    if pause is None:
        return Verdict(Status.FAILED, error)
    return Verdict(Status.RETRYING, error, pause)


def _refused(code: int) -> str:
    if code == _GONE:
        return "the target is gone and was switched off"
    if code in _REDIRECTS:
        return f"the target answered {code}; redirects are not followed"
    return f"the target answered {code}"
