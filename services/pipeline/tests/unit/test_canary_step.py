"""CANARY over peers in memory, with the statistics of requests."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from forgepoint.events.v1 import events_pb2 as pb
from fp_events import Event
from fp_kernel import new_id
from fp_pipeline.api import consumers
from fp_pipeline.app.count_requests import CountRequests, NoteGap
from fp_pipeline.domain.definition import PipelineType, StepType
from fp_pipeline.domain.execution import ExecutionStatus, StepStatus
from fp_pipeline.domain.statistics import ANSWERED, Gap, Try
from fp_testkit.wallclock import RunningClock

RULES: dict[str, Any] = {
    "weight_bps": 500,
    "min_seconds": 0,
    "min_samples": 20,
    "max_error_rate": 0.1,
    "max_latency_ratio": 2,
    "timeout_seconds": 3_000,
}


def requests(version: str, count: int, *, outcome: str = ANSWERED, ms: float = 10.0) -> list[Try]:
    now = RunningClock().now()
    return [Try(new_id(), "alpha", "delays", version, now, outcome, ms) for _ in range(count)]


@pytest.fixture
def saga(service):
    """A deployment whose canary is judged by the given rules."""

    def make(**changes):
        canary = service.step("canary", StepType.CANARY, config={**RULES, **changes})
        return (*service.saga[:2], canary, service.saga[3])

    return make


def happening_now(batch):
    """What was made a minute before the canary got its share would not be counted."""
    now = RunningClock().now()
    return [replace(each, **{"time" if isinstance(each, Event) else "at": now}) for each in batch]


async def first_version(service):
    for version in ("1", "2"):
        service.world.add_version("delays", version)
    await service.deploy("1")


async def canary(service, saga, *traffic: list[Try] | list[Event]):
    """Version 2 gets this traffic as soon as it has its share."""
    await first_version(service)
    count = CountRequests(service.stores.transactions, "pipeline-canary")
    # What was counted for this version before its share began is not this canary's.
    await count(requests("2", 500, outcome="TIMEOUT"))
    pipeline = await service.pipeline(PipelineType.DEPLOYMENT_SAGA, *saga, name="judged")
    execution = await service.trigger(pipeline, model="delays", version="2")
    heard = consumers.count(count)
    async with service.working():
        await service.until(execution.id, lambda seen: "since" in seen.step("canary").output)
        for given in traffic:
            batch = happening_now(given)
            take = heard if isinstance(batch[0], Event) else count
            await take(batch)
            await take(batch)
        return await service.ended(execution.id)


async def test_a_version_that_does_well_gets_all_the_traffic(service, saga):
    ended = await canary(service, saga(), requests("1", 100), requests("2", 19), requests("2", 1, outcome="TIMEOUT"))
    assert ended.status is ExecutionStatus.COMPLETED, ended.error
    output = ended.step("canary").output
    assert (output["judged"], output["requests"], output["errors"], output["error_rate"]) == (True, 20, 1, 0.05)
    assert output["p99_ms"] == output["others"]["p99_ms"]
    assert service.live == {"2": 10_000}


@pytest.mark.parametrize(
    ("traffic", "reason"),
    [
        ([("2", 3, "UPSTREAM_ERROR", 10.0)], "3 of 3 requests failed, more than 10.00% of 20"),
        (
            [("1", 20, ANSWERED, 10.0), ("2", 20, ANSWERED, 100.0)],
            "p99 is 102.4 ms, more than 2 times the 10.8 ms of the others",
        ),
    ],
)
async def test_a_version_that_does_badly_gives_its_share_back(service, saga, traffic, reason):
    batches = [requests(version, count, outcome=outcome, ms=ms) for version, count, outcome, ms in traffic]
    ended = await canary(service, saga(), *batches)
    assert ended.status is ExecutionStatus.FAILED
    assert ended.error == f"step 'canary': {reason}"
    assert ended.step("canary").status is StepStatus.FAILED
    assert ended.step("canary").attempt == 1, "another try would only hurt more callers"
    assert ended.step("canary").output["requests"] == sum(count for version, count, *_ in traffic if version == "2")
    assert service.live == {"1": 10_000}
    assert service.world["splits"]["delays"] == {"1": 10_000, "2": 0}
    assert service.world.production("delays") == "delays-1"


def predictions(*payloads) -> list[Event]:
    """A batch as inference publishes it."""
    done = [each for each in payloads if isinstance(each, pb.InferenceCompleted)]
    failed = [each for each in payloads if isinstance(each, pb.InferenceFailed)]
    batch = pb.InferenceRecorded(completed=done, failed=failed)
    now = RunningClock().now()
    return [Event("fp.inference.recorded", batch, team="alpha", resource_id="m", summary="s", time=now)]


def tried(version: str, failure: int = pb.INFERENCE_FAILURE_REASON_UNSPECIFIED, ms: int = 10) -> pb.InferenceAttempt:
    return pb.InferenceAttempt(version=version, failure=failure, latency=timedelta(milliseconds=ms))


def answered(*attempts, rows: float = 1.0) -> pb.InferenceCompleted:
    summary = pb.PredictionSummary(output_stats={"rows": rows})
    version = attempts[-1].version
    return pb.InferenceCompleted(model_name="delays", version=version, attempts=attempts, prediction_summary=summary)


def refused(reason: int, *attempts) -> pb.InferenceFailed:
    return pb.InferenceFailed(model_name="delays", version="2", reason=reason, attempts=attempts)


RETRIED = answered(tried("2", pb.INFERENCE_FAILURE_REASON_UPSTREAM_ERROR), tried("1"))
HUNG = refused(pb.INFERENCE_FAILURE_REASON_TIMEOUT, tried("2", pb.INFERENCE_FAILURE_REASON_TIMEOUT, ms=10_000))
BAD = {
    "fails a third of its calls, each answered by the old version": (
        [*[RETRIED] * 20, *[answered(tried("2"))] * 40, *[answered(tried("1"))] * 400],
        "20 of 60 requests failed, more than 10.00% of 60",
    ),
    "hangs": ([*[HUNG] * 20, *[answered(tried("1"))] * 400], "20 of 20 requests failed, more than 10.00% of 20"),
    "answers without rows": (
        [*[answered(tried("2"), rows=0)] * 20, *[answered(tried("1"))] * 400],
        "20 of 20 answers have no rows, of the others 0 of 400",
    ),
}


@pytest.mark.parametrize(("counted", "reason"), BAD.values(), ids=BAD.keys())
@pytest.mark.parametrize("rules", [{}, {"max_error_rate": None, "max_p99_ms": 500}], ids=["errors", "latency alone"])
async def test_a_version_that_fails_is_refused_however_its_callers_were_answered(service, saga, counted, reason, rules):
    ended = await canary(service, saga(**rules), predictions(*counted))
    assert ended.error == f"step 'canary': {reason}"
    assert service.live == {"1": 10_000}
    others = ended.step("canary").output["others"]
    assert (others["errors"], others["requests"] >= 400) == (0, True)


async def test_a_detector_that_finds_as_little_as_the_one_before_is_no_worse(service, saga):
    counted = [answered(tried(version), rows=rows) for version in "12" for rows in (0, 0, 1) for _ in range(10)]
    ended = await canary(service, saga(), predictions(*counted))
    assert ended.status is ExecutionStatus.COMPLETED, ended.error


async def test_a_refusal_before_anyone_was_asked_is_nobodys(service, saga):
    full = [refused(pb.INFERENCE_FAILURE_REASON_BULKHEAD_FULL), refused(pb.INFERENCE_FAILURE_REASON_CIRCUIT_OPEN)]
    counted = [*full * 30, *[answered(tried("2"))] * 20, *[answered(tried("1"))] * 20]
    ended = await canary(service, saga(), predictions(*counted))
    assert ended.status is ExecutionStatus.COMPLETED, ended.error


async def test_a_version_behind_an_open_breaker_is_not_promoted_for_want_of_traffic(service, saga):
    counted = [*[answered(tried("2"))] * 15, RETRIED, *[refused(pb.INFERENCE_FAILURE_REASON_CIRCUIT_OPEN)] * 50]
    rules = saga(on_no_traffic="promote", timeout_seconds=0)
    await first_version(service)
    count = consumers.count(CountRequests(service.stores.transactions, "pipeline-canary"))

    async def counted_first(*arguments):
        await count(predictions(*counted))
        return await since(*arguments)

    since = service.stores.statistics.since
    # The first look finds nothing of this canary, the next ones all that its breaker let through.
    looks = iter([since])

    async def look(*arguments):
        return await next(looks, counted_first)(*arguments)

    service.stores.statistics.since = look
    ended = await service.deploy("2", *rules)
    assert ended.status is ExecutionStatus.FAILED
    assert ended.error.startswith("step 'canary': 1 of 16 requests failed, and only 16 of 20 requests reached")


@pytest.mark.parametrize(("outcome", "status"), [("promote", "COMPLETED"), ("fail", "FAILED")])
async def test_without_traffic_the_config_decides(service, saga, outcome, status):
    ended = await canary(service, saga(on_no_traffic=outcome, timeout_seconds=0))
    assert ended.status == status
    assert service.live == ({"2": 10_000} if outcome == "promote" else {"1": 10_000})


def a_gap() -> Gap:
    now = RunningClock().now()
    return Gap(now - timedelta(hours=1), now, 142)


@pytest.mark.parametrize("behind", [20, 0], ids=["enough requests behind it", "none"])
async def test_a_gap_of_the_statistics_makes_the_canary_count_anew(service, saga, behind):
    await first_version(service)
    count = CountRequests(service.stores.transactions, "pipeline-canary")
    note = NoteGap(service.stores.transactions, "pipeline-canary")
    rules = saga(on_no_traffic="promote", timeout_seconds=0 if not behind else 3_000)
    since, look = service.stores.statistics.since, iter(range(1_000))

    async def meanwhile(*arguments):
        """The first look begins the canary; at the second, all is well and a gap has been noted."""
        match next(look):
            case 1:
                await count([*requests("1", 20), *requests("2", 20)])
                await note(a_gap())
            case 3:
                await count([*requests("1", behind), *requests("2", behind)])
        return await since(*arguments)

    service.stores.statistics.since = meanwhile
    ended = await service.deploy("2", *rules)
    step = ended.step("canary")
    lost = "142 events were lost before they were counted, from"
    assert step.output["gap"].startswith(lost)
    assert step.output["since"] > step.output["share_since"]
    (line,) = await service.stores.log_store.log(ended.id, "canary", 0, 10)
    assert line.text.startswith(f"counted anew: {lost}")
    if behind:
        assert (ended.status, step.output["requests"]) == (ExecutionStatus.COMPLETED, 20), ended.error
        assert step.output["reason"].startswith(f"20 requests within the limits; {lost}")
    else:
        assert ended.error.startswith("step 'canary': only 0 of 20 requests reached the version after")
        assert lost in ended.error
        assert service.live == {"1": 10_000}


@pytest.mark.parametrize(
    "rules", [{}, {"on_no_traffic": "promote", "timeout_seconds": 0}], ids=["enough", "no traffic"]
)
async def test_nothing_is_promoted_while_events_wait_that_nobody_has_read(service, saga, rules):
    """Behind them may be failures, and before them a gap that nobody has seen."""
    await first_version(service)
    pipeline = await service.pipeline(PipelineType.DEPLOYMENT_SAGA, *saga(**rules), name="judged")
    execution = await service.trigger(pipeline, model="delays", version="2")
    count = CountRequests(service.stores.transactions, "pipeline-canary")
    waiting, looks = [7], []

    async def unread():
        looks.append(waiting[0])
        return waiting[0]

    service.unread = unread
    async with service.working():
        await service.until(execution.id, lambda seen: "since" in seen.step("canary").output)
        await count([*requests("1", 20), *(requests("2", 20) if not rules else [])])
        already = len(looks)
        present = await service.until(execution.id, lambda _: len(looks) > already + 3)
        assert present.step("canary").status is StepStatus.RUNNING
        waiting[0] = 0
        ended = await service.ended(execution.id)
    assert ended.status is ExecutionStatus.COMPLETED, ended.error


async def test_a_version_that_was_seen_to_fail_is_refused_in_spite_of_a_gap(service, saga):
    await first_version(service)
    pipeline = await service.pipeline(PipelineType.DEPLOYMENT_SAGA, *saga(), name="judged")
    execution = await service.trigger(pipeline, model="delays", version="2")
    async with service.working():
        await service.until(execution.id, lambda seen: "since" in seen.step("canary").output)
        async with service.stores.transactions() as tx:
            await tx.statistics.lost("pipeline-canary", a_gap())
            await tx.statistics.count("pipeline-canary", requests("2", 3, outcome="TIMEOUT"))
        ended = await service.ended(execution.id)
    assert ended.error == "step 'canary': 3 of 3 requests failed, more than 10.00% of 20"


async def test_a_gap_that_ended_before_the_canary_began_is_not_its_own(service, saga):
    old = RunningClock().now() - timedelta(seconds=1)
    async with service.stores.transactions() as tx:
        await tx.statistics.lost("pipeline-canary", Gap(old - timedelta(hours=1), old, 9))
    ended = await canary(service, saga(), requests("1", 100), requests("2", 20))
    assert ended.status is ExecutionStatus.COMPLETED, ended.error
    assert "gap" not in ended.step("canary").output


async def test_a_worker_that_takes_over_judges_by_the_same_beginning(service, saga):
    await first_version(service)
    pipeline = await service.pipeline(PipelineType.DEPLOYMENT_SAGA, *saga(), name="judged")
    execution = await service.trigger(pipeline, model="delays", version="2")
    async with service.working():
        seen = await service.until(execution.id, lambda each: "since" in each.step("canary").output)
    count = CountRequests(service.stores.transactions, "pipeline-canary")
    await count([*requests("1", 20), *requests("2", 20)])
    async with service.working():
        ended = await service.ended(execution.id)
    assert ended.status is ExecutionStatus.COMPLETED, ended.error
    assert ended.step("canary").output["since"] == seen.step("canary").output["since"]
    assert ended.step("canary").attempt == 1
