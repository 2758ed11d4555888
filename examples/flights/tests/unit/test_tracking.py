import functools

import pytest
from forgepoint.experiment.v1 import experiment_pb2 as pb
from fp_flights import tracking
from fp_jobs import job
from fp_jobs.patience import patiently
from fp_kernel import Unavailable

TASK = job.Job("execution", "train", {"experiment_id": "experiment"}, {}, {}, {}, "")


class Tracker:
    """Answers each call after it was away so often; `lost` never answers again."""

    def __init__(self, away=0, lost=""):
        self.away, self.lost, self.sent = away, lost, []

    def __getattr__(self, name):
        async def call(request):
            if name == self.lost or self.sent.count(name) < self.away:
                self.sent.append(name)
                raise Unavailable("away")
            self.sent.append(name)
            answer = getattr(pb, f"{name}Response")()
            if "run" in answer.DESCRIPTOR.fields_by_name:
                answer.run.id = "run"
            return answer

        return call


@pytest.fixture(autouse=True)
def _hasty(monkeypatch):
    monkeypatch.setattr(tracking, "patiently", functools.partial(patiently, seconds=5.0))


async def track(tracker):
    async with tracking.tracked(tracker, TASK, {}) as run:
        await run.metrics([0.5], {"log_loss": 0.5})
    return run.id


async def test_a_tracker_that_is_away_for_a_while_is_waited_for():
    tracker = Tracker(away=2)

    assert await track(tracker) == "run"
    called = ("StartRun", "LogParams", "LogMetrics", "UpdateRunStatus")
    assert tracker.sent == [name for name in called for _ in range(3)]


@pytest.mark.parametrize("lost", ["StartRun", "LogParams", "LogMetrics", "UpdateRunStatus"])
async def test_a_tracker_that_is_lost_for_good_fails_the_job_with_its_error_after_patience(lost, monkeypatch):
    monkeypatch.setattr(tracking, "patiently", functools.partial(patiently, seconds=0.3))
    tracker = Tracker(lost=lost)

    with pytest.raises(Unavailable):
        await track(tracker)
    assert tracker.sent.count(lost) > 1
