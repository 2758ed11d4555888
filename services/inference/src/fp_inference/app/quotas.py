"""Teams that used up what they may predict in a month."""

from dataclasses import dataclass
from datetime import datetime

from fp_kernel import Clock, Error, ResourceExhausted
from fp_telemetry import get_logger

from fp_inference.app.ports import Usage
from fp_inference.domain.failures import QUOTA_EXCEEDED

# No event says that a limit was raised: this is how long it may take until it counts here.
RECHECK_SECONDS = 30.0
_RETRY_SECONDS = 5.0

_log = get_logger(__name__)

Month = tuple[int, int]


@dataclass(slots=True)
class _Flag:
    """sequence: of the event that raised it. up: whether predictions are refused. check_at: when to ask, monotonic."""

    month: Month
    sequence: int
    up: bool
    check_at: float


class Quotas:
    """Billing publishes when a quota is exceeded and decides whether it still is; this remembers the event.

    What happened while this process runs is certain. What happened before may be over: the limit may have been raised
    since. Such a flag is in doubt until billing is asked, and predictions are made meanwhile: a team that pays must not
    stand still because billing is away.
    """

    def __init__(self, usage: Usage | None, clock: Clock) -> None:
        """usage: None when billing cannot be asked."""
        self._usage = usage
        self._clock = clock
        self._started = clock.now()
        self._flags: dict[str, dict[str, _Flag]] = {}

    def exceeded(self, team: str, meter: str, *, sequence: int, used_at: datetime, published_at: datetime) -> None:
        """As billing published; an older event changes nothing. used_at: of the usage that crossed it."""
        month = (used_at.year, used_at.month)
        flags = self._flags.setdefault(team, {})
        known = flags.get(meter)
        if month < self._month() or (known is not None and known.sequence >= sequence):
            return
        certain = published_at >= self._started
        check_at = self._clock.monotonic() + (RECHECK_SECONDS if certain else 0.0)
        flags[meter] = _Flag(month, sequence, certain, check_at)
        _log.info("quota exceeded", team=team, meter=meter, certain=certain)

    async def admit(self, team: str) -> None:
        """Raises ResourceExhausted with reason QUOTA_EXCEEDED."""
        for meter, flag in tuple(self._flags.get(team, {}).items()):
            if flag.month != self._month():
                continue
            if self._usage is not None and self._clock.monotonic() >= flag.check_at:
                await self._check(self._usage, team, meter, flag)
            if flag.up:
                raise ResourceExhausted(
                    "the team's quota of the month is used up", reason=QUOTA_EXCEEDED, metadata={"quota": meter}
                )

    async def _check(self, usage: Usage, team: str, meter: str, flag: _Flag) -> None:
        # Those who come while one asks go by what was known before.
        flag.check_at = self._clock.monotonic() + _RETRY_SECONDS
        try:
            flag.up = await usage.exceeded(team, meter)
        except Error as error:
            _log.warning("quota was not checked", team=team, meter=meter, reason=error.message)
        else:
            flag.check_at = self._clock.monotonic() + RECHECK_SECONDS

    def _month(self) -> Month:
        now = self._clock.now()
        return now.year, now.month
