"""A step that judges a version says in a line what it found."""

import pytest
from fp_cli import verdicts

METRICS = {"metrics": {"auc": 0.61, "log_loss": 0.5}, "incumbent_metrics": {"auc": 0.7}}
ASKED = {"predictions": 400.0, "labelled": 300.0}
CANARY = {"requests": 1200.0, "error_rate": 0.0125, "p99_ms": 31.5}


@pytest.mark.parametrize(
    ("status", "output", "text"),
    [
        ("FAILED", METRICS | {"backtest": ASKED}, "refused: 400 asked, 300 labelled, auc 0.61 (recorded 0.7)"),
        ("COMPLETED", METRICS, "passed: auc 0.61 (incumbent 0.7)"),
        ("COMPENSATED", CANARY, "passed: 1200 requests, 1.25% failed, p99 31.5 ms"),
        (
            "COMPLETED",
            {"backtest": {}, "metrics": {}, "incumbent_metrics": {}},
            "passed: 0 asked, 0 labelled, no metric of both it and the recorded",
        ),
        ("COMPLETED", {"metrics": {"auc": 0.6}}, ""),
        ("PENDING", {}, ""),
        ("PENDING", None, ""),
    ],
)
def test_what_a_gate_found_is_a_line(status, output, text):
    assert verdicts.of_step({"status": status, "output": output}) == text
