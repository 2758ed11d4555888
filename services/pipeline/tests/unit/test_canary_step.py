"""CANARY over peers in memory, with the statistics of requests."""

from datetime import UTC, datetime
from typing import Any

import pytest
from fp_kernel import new_id
from fp_pipeline.app.count_requests import CountRequests
from fp_pipeline.domain.definition import PipelineType, StepType
from fp_pipeline.domain.execution import ExecutionStatus, StepStatus
from fp_pipeline.domain.statistics import ANSWERED, Request

RULES: dict[str, Any] = {
    "weight_bps": 500,
    "min_seconds": 0,
    "min_samples": 20,
    "max_error_rate": 0.1,
    "max_latency_ratio": 2,
    "timeout_seconds": 5,
}


def requests(version: str, count: int, *, outcome: str = ANSWERED, ms: float = 10.0) -> list[Request]:
    now = datetime.now(UTC)
    return [Request(new_id(), "alpha", "delays", version, now, outcome, ms) for _ in range(count)]


@pytest.fixture
def saga(service):
    """A deployment whose canary is judged by the given rules."""

    def make(**changes):
        canary = service.step("canary", StepType.CANARY, config={**RULES, **changes})
        return (*service.saga[:2], canary, service.saga[3])

    return make


async def canary(service, saga, *traffic: list[Request]):
    """Version 2 gets this traffic as soon as it has its share."""
    for version in ("1", "2"):
        service.world.add_version("delays", version)
    await service.deploy("1")
    count = CountRequests(service.stores.transactions, "pipeline-canary")
    # What was counted for this version before its share began is not this canary's.
    await count(requests("2", 500, outcome="TIMEOUT"))
    pipeline = await service.pipeline(PipelineType.DEPLOYMENT_SAGA, *saga, name="judged")
    execution = await service.trigger(pipeline, model="delays", version="2")
    async with service.working():
        await service.until(execution.id, lambda seen: "since" in seen.step("canary").output)
        for batch in traffic:
            await count(batch)
            await count(batch)
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


@pytest.mark.parametrize(("outcome", "status"), [("promote", "COMPLETED"), ("fail", "FAILED")])
async def test_without_traffic_the_config_decides(service, saga, outcome, status):
    ended = await canary(service, saga(on_no_traffic=outcome, timeout_seconds=0))
    assert ended.status == status
    assert service.live == ({"2": 10_000} if outcome == "promote" else {"1": 10_000})


async def test_a_worker_that_takes_over_judges_by_the_same_beginning(service, saga):
    for version in ("1", "2"):
        service.world.add_version("delays", version)
    await service.deploy("1")
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
