"""What judges a version is counted by its verdict and timed, and shows nothing else."""

from dataclasses import replace

import pytest
from fp_kernel import new_id
from fp_pipeline.domain.definition import PipelineType, StepType
from fp_pipeline.domain.execution import Step, StepStatus
from fp_pipeline.domain.gates import gate_of, verdict_of
from fp_pipeline.metrics import Metrics
from fp_telemetry import Metrics as Registry
from prometheus_client import generate_latest


@pytest.fixture
def metrics(service):
    """Of what the worker of the service writes."""
    registry = Registry("pipeline")
    service.written = Metrics(registry).written
    return lambda: {
        line for line in generate_latest(registry.registry).decode().splitlines() if line.startswith("fp_pipeline_gate")
    }


def measured(now):
    labelled = {"predictions": 400, "failed": 0, "labelled": 300}
    return {"metrics": {"auc": now}, "incumbent_metrics": {"auc": 0.7}, "backtest": labelled}


GATE = {"backtest": {"metric": "auc", "min_labelled": 50}}


@pytest.mark.parametrize(
    ("result", "failing", "outcome"), [(measured(0.7), 0, "passed"), (measured(0.5), 0, "refused"), (None, 9, "failed")]
)
async def test_a_backtest_is_counted_by_its_verdict(service, metrics, result, failing, outcome):
    service.world.add_version("delays", "1")
    service.jobs.results, service.jobs.failing = {"backtest": result}, {"backtest": failing}
    gate = service.step("backtest", StepType.EVALUATE, config=GATE)
    await service.deploy("1", service.saga[0], gate, service.saga[1])
    assert f'fp_pipeline_gates_total{{kind="backtest",outcome="{outcome}"}} 1.0' in metrics()
    assert 'fp_pipeline_gate_seconds_count{kind="backtest"} 1.0' in metrics()


async def test_a_contest_is_a_gate_and_other_steps_are_none(service, metrics):
    for version in ("1", "2"):
        service.world.add_version("delays", version)
        await service.deploy(version)
    contest = {"incumbent": True, "metric": "auc", "margin": 0.1}
    evaluate = service.step("evaluate", StepType.EVALUATE, "train", config=contest)
    service.jobs.results = {"evaluate": {"metrics": {"auc": 0.7}, "incumbent_metrics": {"auc": 0.7}}}
    train, _, register = service.training
    await service.run(PipelineType.TRAINING_DAG, train, evaluate, register, name="t")
    assert {line for line in metrics() if line.startswith("fp_pipeline_gates_total")} == {
        'fp_pipeline_gates_total{kind="contest",outcome="refused"} 1.0'
    }


@pytest.mark.parametrize(
    ("status", "output", "cancelled", "verdict"),
    [
        (StepStatus.COMPLETED, {"judged": True, "reason": "it kept its objective"}, False, "passed"),
        (StepStatus.FAILED, {"reason": "9 of 10 failed", "error_rate": 0.9}, False, "refused"),
        (StepStatus.FAILED, {"since": "2013-03-01"}, False, "failed"),
        (StepStatus.FAILED, {}, True, "cancelled"),
    ],
)
def test_a_canary_says_what_it_found(service, status, output, cancelled, verdict):
    step = Step(new_id(), service.step("canary", StepType.CANARY), status=status, output=output)
    assert (gate_of(step), verdict_of(step, cancelled=cancelled)) == ("canary", verdict)
    assert gate_of(replace(step, output={"judged": False})) == ""
