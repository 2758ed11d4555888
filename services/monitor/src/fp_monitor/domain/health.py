"""Whether what was found before says anything of what is served now."""

from collections.abc import Sequence
from datetime import datetime

from fp_monitor.domain.metric import MonitorState, Severity
from fp_monitor.domain.monitor import Monitor, Unwatched
from fp_monitor.domain.report import Report

# A canary, and a burst of it, leaves the version in production its share; so many in a row are no canary any more.
_TAKEN_OVER = 20
# Windows by the clock that may pass without a report.
_MISSED = 2


def passed(monitor: Monitor, versions: Sequence[str]) -> Unwatched:
    """versions: of the predictions that came now, in their order."""
    before, last = monitor.unwatched.predictions, monitor.unwatched.version
    for version in versions:
        before, last = (0, "") if version == monitor.served else (before + 1, version)
    return Unwatched(before, last)


def reason_unknown(monitor: Monitor, latest: Report | None, now: datetime) -> str:
    """Why nothing is known of what is served now; empty when there is no doubt. latest: the last report."""
    unwatched, state = monitor.unwatched, monitor.state
    if state is MonitorState.PAUSED:
        return "the monitor is paused"
    if not monitor.served:
        return "no version is in production"
    if unwatched.predictions >= (_TAKEN_OVER if monitor.judged else 1):
        return (
            f"watched is version {monitor.served}, which is in production; the last {unwatched.predictions} "
            f"predictions are of others, the newest of version {unwatched.version}"
        )
    if state is MonitorState.PENDING_BASELINE:
        return f"version {monitor.served} was promoted without a baseline"
    return _not_judged(monitor, latest, now)


def _not_judged(monitor: Monitor, latest: Report | None, now: datetime) -> str:
    if not monitor.judged or latest is None:
        return "no window has been judged since the baseline was taken"
    if monitor.config.duration and now - latest.created_at > _MISSED * monitor.config.duration:
        return f"no window has been judged since {latest.created_at.isoformat(timespec='seconds')}"
    if latest.inconclusive and latest.gap is not None:
        since, until = (moment.isoformat(timespec="seconds") for moment in (latest.gap.start, latest.gap.end))
        return f"the last window could not be judged: predictions from {since} to {until} were dropped unread"
    return ""


def overall(monitor: Monitor, doubted: str) -> Severity | None:
    """None where OK would be a guess; an alarm stays an alarm."""
    return None if doubted and monitor.severity is Severity.OK else monitor.severity
