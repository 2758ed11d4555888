"""What a step that judges a version found, in a line."""

from collections.abc import Mapping
from typing import Any

_DONE = ("COMPLETED", "COMPENSATED", "COMPENSATING", "COMPENSATION_FAILED")


def of_step(step: Mapping[str, Any]) -> str:
    """Empty for a step that judges nobody, or has not yet. step: a StepExecution as JSON."""
    output = step.get("output") or {}
    if "backtest" in output:
        asked, labelled = (output["backtest"].get(name, 0) for name in ("predictions", "labelled"))
        found = f"{asked:g} asked, {labelled:g} labelled, {_metrics(output, 'recorded')}"
    elif "incumbent_metrics" in output:
        found = _metrics(output, "incumbent")
    elif "error_rate" in output:
        found = (
            f"{output.get('requests', 0):g} requests, {output['error_rate']:.2%} failed, p99 {output['p99_ms']:g} ms"
        )
    else:
        return ""
    return f"{'passed' if step['status'] in _DONE else 'refused'}: {found}"


def _metrics(output: Mapping[str, Any], other: str) -> str:
    now, then = output.get("metrics") or {}, output.get("incumbent_metrics") or {}
    shown = [f"{name} {now[name]:.4g} ({other} {then[name]:.4g})" for name in sorted(now.keys() & then.keys())]
    return ", ".join(shown) or f"no metric of both it and the {other}"
