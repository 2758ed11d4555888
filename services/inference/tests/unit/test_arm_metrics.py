"""Series of the arms of experiments, and their bound."""

from typing import Any

import pytest
from fp_inference.app.route_report import ArmKey
from fp_inference.arm_metrics import MOST_ARMS, ArmMetrics
from fp_inference.domain.failures import FailureReason
from fp_kernel import Internal
from fp_telemetry import Metrics
from fp_testkit.clock import ManualClock
from inference_fakes.predicting import Setting


def _lines(metrics: Metrics, name: str) -> list[str]:
    return [line for line in metrics.render()[0].decode().splitlines() if line.startswith(f"fp_inference_{name}")]


@pytest.fixture
def setting(clock: ManualClock) -> Setting:
    made = Setting(clock)
    made.deploy("1")
    return made


async def test_a_split_of_several_versions_has_a_series_for_each(setting: Setting) -> None:
    setting.deploy("2", 2, weight=0)
    setting.split({"1": 5_000, "2": 5_000})
    for number in range(20):
        await setting.ask(str(number))
    setting.forward.error = Internal("the model failed")
    with pytest.raises(Internal):
        await setting.ask("failing")
    lines = _lines(setting.metrics, "arm_predictions_total")
    answered = {line.split('version="')[1][0]: float(line.split()[-1]) for line in lines if "answered" in line}
    assert set(answered) == {"1", "2"}
    assert sum(answered.values()) == 20
    assert all('model="alpha/delays"' in line and 'arm=""' in line for line in lines)
    assert sum(float(line.split()[-1]) for line in lines if "failed" in line) == 1
    counts = _lines(setting.metrics, "arm_prediction_seconds_count")
    assert sum(float(line.split()[-1]) for line in counts) == 20
    assert setting.recorder.refused[-1].reason is FailureReason.UPSTREAM_ERROR


async def test_a_model_of_one_version_is_no_experiment(setting: Setting) -> None:
    await setting.ask()
    assert not _lines(setting.metrics, "arm_")


def test_arms_are_bounded_and_those_that_count_go_on() -> None:
    metrics = Metrics("inference")
    arms = ArmMetrics(metrics)
    kept = ArmKey("alpha", "delays", "gold", "1")
    for number in range(3 * MOST_ARMS):
        arms.answered(kept, 0.01)
        arms.failed(ArmKey("alpha", "delays", "gold", f"v{number}"))
    lines: list[Any] = _lines(metrics, "arm_predictions_total")
    assert len(lines) == MOST_ARMS
    assert any('version="1"' in line and line.endswith(f" {3 * MOST_ARMS}.0") for line in lines)
    assert len(_lines(metrics, "arm_prediction_seconds_count")) == 1
