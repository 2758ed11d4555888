"""A saga asks the version what others were asked, before it gets any traffic."""

from typing import Any

import pytest
from fp_pipeline.domain.backtest import MODULE
from fp_pipeline.domain.definition import StepDefinition, StepType
from fp_pipeline.domain.execution import ExecutionStatus

GATE = {"metric": "auc", "max_loss": 0.02, "min_labelled": 50}


def gate(**changes: Any) -> StepDefinition:
    return StepDefinition(
        id="backtest", type=StepType.EVALUATE, config={"backtest": {**GATE, **changes}}, max_retries=3
    )


def measured(now: float | None, then: float | None, *, metric: str = "auc", **changes: Any) -> dict[str, Any]:
    return {
        "metrics": {} if now is None else {metric: now},
        "incumbent_metrics": {} if then is None else {metric: then},
        "backtest": {"predictions": 400, "failed": 0, "failure": "", "labelled": 300, **changes},
    }


async def deployed(service, config, result):
    service.world.add_version("delays", "1")
    service.jobs.results = {"backtest": result}
    validate, *rest = service.saga
    return await service.deploy("1", validate, config, *rest)


async def test_a_version_that_is_good_enough_goes_on_and_the_figures_stay(service):
    result = measured(0.69, 0.70)
    ended = await deployed(service, gate(), result)
    assert ended.status is ExecutionStatus.COMPLETED, ended.error
    assert ended.step("backtest").output == result
    assert service.live == {"1": 10_000}


async def test_its_job_is_the_platforms_own_and_reads_the_log_by_its_token_which_other_jobs_may_not(service):
    other = service.step("other", StepType.CUSTOM)
    service.jobs.results = {"other": {}, "backtest": measured(0.7, 0.7)}
    service.world.add_version("delays", "1")
    await service.deploy("1", other, gate(), *service.saga)
    tokens = [each["FP_JOB_TOKEN"] for each in service.jobs.environments]
    assert tokens == ["token of other for alpha", "token of backtest for alpha predictions:read"]
    assert service.jobs.modules == ["work.it", MODULE]
    spec = service.jobs.specs[1]
    assert (spec["execution_input"]["model"], spec["execution_input"]["version"]) == ("delays", "1")


REFUSED = {
    "that loses too much": (
        {},
        measured(0.61, 0.70),
        "auc is 0.61 where the recorded answers have 0.7, over 300 predictions with labels; at most 2.0% of it may be lost",  # noqa: E501
    ),
    "whose loss grows": (
        {"metric": "log_loss"},
        measured(0.52, 0.50, metric="log_loss"),
        "log_loss is 0.52 where the recorded answers have 0.5, over 300 predictions with labels; at most 2.0% of it may be lost",  # noqa: E501
    ),
    "of which too few were labelled": (
        {},
        measured(0.7, 0.7, labelled=49),
        "49 predictions had labels, of which at least 50 are demanded",
    ),
    "that has no answer to some": (
        {"on_too_few": "pass"},
        measured(None, None, predictions=9, failed=1, labelled=0, failure="Missing Input: hour"),
        "the version has no answer to 1 of 10 predictions: Missing Input: hour",
    ),
    "that was not measured": ({}, measured(None, 0.7), "the job did not measure auc of both answers"),
    "that was measured as no number": ({}, measured(True, 0.7), "the job did not measure auc of both answers"),
    "of a job that says nothing": (
        {},
        {"metrics": {"auc": 0.9}, "incumbent_metrics": {"auc": 0.7}},
        "the job does not say how many predictions were asked, failed and had labels",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_version_is_refused_before_anything_of_it_runs(service, case):
    changes, result, reason = REFUSED[case]
    ended = await deployed(service, gate(**changes), result)
    assert ended.status is ExecutionStatus.FAILED
    assert ended.error == f"step 'backtest': BACKTEST_REFUSED: {reason}"
    assert ended.step("backtest").attempt == 1
    assert ended.step("backtest").output == result, "what was measured stays to be seen"
    assert service.live == {}
    assert service.world.count("start_runtime") == 0


PASSED = {
    "with a loss that is allowed": ({}, measured(0.686, 0.70)),
    "that is better": ({"max_loss": 0}, measured(0.8, 0.7)),
    "as good, where nothing may be lost": ({"max_loss": 0}, measured(0.7, 0.7)),
    "whose loss shrinks": ({"metric": "rmse"}, measured(3.0, 4.0, metric="rmse")),
    "that lost nothing of nothing": ({"metric": "rmse"}, measured(0, 0, metric="rmse")),
    "without enough labels where that is said": ({"on_too_few": "pass"}, measured(None, None, labelled=3)),
    "with so many failures": ({"max_failed": 0.1}, measured(0.7, 0.7, predictions=9, failed=1, labelled=60)),
}


@pytest.mark.parametrize("case", PASSED)
async def test_a_version_passes(service, case):
    changes, result = PASSED[case]
    ended = await deployed(service, gate(**changes), result)
    assert ended.status is ExecutionStatus.COMPLETED, ended.error
