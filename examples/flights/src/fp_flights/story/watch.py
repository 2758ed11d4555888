"""The monitor of the model: what is watched, and what the reports said."""

import asyncio
import math
from typing import Any

from forgepoint.monitor.v1 import monitor_pb2 as pb
from fp_jobs.patience import patiently
from fp_kernel import DeadlineExceeded, new_id

from fp_flights.pipelines import MODEL
from fp_flights.story.narrator import Narrator
from fp_flights.story.session import Session

# The population stability index has had these two marks since credit scoring.
SHIFT_WARNS, SHIFT_CRITICAL = 0.1, 0.25
# Shares of what the version reached on held-out flights. By chance alone, the AUC of 1,500 flights of which a fifth are
# late has a standard error of 0.018, or 3 % of 0.65: nearly twice that is worth a warning, over three times critical.
LOSS_WARNS, LOSS_CRITICAL = 0.05, 0.1
_CHANCE, _MEASURED_ON = 0.03, 1_500
# A retraining with its canary takes half a minute. Until it is over, more reports say nothing new.
COOLDOWN_SECONDS = 45
_PAGE = 100
_PAUSE = 0.1
_BASELINE_SECONDS = 90.0


def thresholds() -> list[pb.ThresholdConfig]:
    shifts = [
        pb.ThresholdConfig(
            drift_type=drift, method=pb.DRIFT_METHOD_PSI, warn_score=SHIFT_WARNS, critical_score=SHIFT_CRITICAL
        )
        for drift in (pb.DRIFT_TYPE_DATA, pb.DRIFT_TYPE_PREDICTION)
    ]
    performance = pb.DRIFT_TYPE_PERFORMANCE
    loss = pb.ThresholdConfig(drift_type=performance, warn_score=LOSS_WARNS, critical_score=LOSS_CRITICAL)
    return [*shifts, loss]


async def configure(session: Session, *, window: int, retraining: str) -> None:
    """Watch windows of that many flights, a week of them: within a day all have the same weather."""
    request = pb.ConfigureMonitorRequest(
        model_name=MODEL,
        window_size=window,
        min_samples=window,
        thresholds=thresholds(),
        auto_retrain=True,
        retrain_pipeline_id=retraining,
        enabled=True,
        idempotency_key=new_id(),
    )
    request.retrain_cooldown.seconds = COOLDOWN_SECONDS
    await patiently(lambda: session.monitor.ConfigureMonitor(request))


def chance(window: int) -> float:
    """Share of the AUC that chance alone takes or gives in a window: its error falls with the root of the flights."""
    return _CHANCE * math.sqrt(_MEASURED_ON / window)


def explain(narrator: Narrator, window: int) -> None:
    """The thresholds with their reasons."""
    narrator.say(f"inputs: PSI {SHIFT_WARNS} warns, {SHIFT_CRITICAL} is critical, as credit scoring has it; it informs")
    narrator.say(
        f"AUC and log-loss: {LOSS_WARNS:.0%} lost of the held-out value warns, {LOSS_CRITICAL:.0%} is critical and "
        f"retrains; chance is {chance(window):.0%} of the AUC in {window} flights, and the monitor wants more than that"
    )


async def forget_open_windows(session: Session) -> None:
    """What the control left in them is not of the time that follows."""
    request = pb.ResetBaselineRequest(model_name=MODEL, idempotency_key=new_id())
    await patiently(lambda: session.monitor.ResetBaseline(request))


async def reports(session: Session, since: str) -> list[Any]:
    """All reports after an id, newest first: ids sort by their time."""
    request = pb.ListDriftReportsRequest(model_name=MODEL)
    request.pagination.page_size = _PAGE
    found: list[Any] = []
    while True:
        response = await patiently(lambda: session.monitor.ListDriftReports(request))
        fresh = [report for report in response.reports if report.id > since]
        found += fresh
        request.pagination.page_token = response.pagination.next_page_token
        if len(fresh) < len(response.reports) or not request.pagination.page_token:
            return found


def alarms(found: list[Any]) -> list[Any]:
    """Those that were published."""
    return [report for report in found if report.severity >= pb.DRIFT_SEVERITY_WARNING]


def kind(report: Any) -> str:
    return pb.DriftType.Name(report.drift_type).removeprefix("DRIFT_TYPE_").lower()


async def compares_with(session: Session, version: str) -> None:
    """Returns when the monitor watches that version. Raises DeadlineExceeded."""
    ends = asyncio.get_running_loop().time() + _BASELINE_SECONDS
    request = pb.GetMonitorStatusRequest(model_name=MODEL)
    while asyncio.get_running_loop().time() < ends:
        monitor = (await patiently(lambda: session.monitor.GetMonitorStatus(request))).status.monitor
        if monitor.served_version == monitor.baseline_version == version:
            return
        await asyncio.sleep(_PAUSE)
    raise DeadlineExceeded(f"the monitor does not compare with version {version}")
