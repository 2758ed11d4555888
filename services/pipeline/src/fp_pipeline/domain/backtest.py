"""Whether a version may get traffic by what it answers to questions that others were asked."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fp_kernel.judging import MORE_IS_BETTER, lost

from fp_pipeline.domain.config_reader import ConfigReader
from fp_pipeline.domain.definition import JsonObject

KEY: Final = "backtest"
MODULE: Final = "fp_jobs.backtest_job"
"""The job that the platform brings; a step may name another one with the same outcome."""
REFUSED: Final = "BACKTEST_REFUSED"
_HOUR: Final = 1 / 24


@dataclass(frozen=True, slots=True)
class Backtest:
    """The version may lose at most `max_loss` of the recorded answers' metric, as a share of it.

    max_failed: share of the predictions to which it has no answer.
    min_labelled: predictions with labels, without which nothing is judged; then it goes on if `passes_unjudged`.
    """

    metric: str
    max_loss: float
    max_failed: float
    min_labelled: int
    passes_unjudged: bool


def read(reader: ConfigReader) -> Backtest | None:
    """Of a step's config; None without one. What the job reads of it is checked too."""
    inner = reader.inside(KEY)
    if inner is None:
        return None
    metric, unjudged = inner.text("metric", required=True), inner.text("on_too_few") or "fail"
    if metric not in MORE_IS_BETTER:
        raise inner.bad("metric", f"must be one of {', '.join(MORE_IS_BETTER)}")
    if unjudged not in {"fail", "pass"}:
        raise inner.bad("on_too_few", "must be pass or fail")
    inner.number("days", 14, low=_HOUR, high=365)
    inner.number("limit", 20_000, low=1, high=1_000_000)
    inner.text("of")
    found = Backtest(
        metric=metric,
        max_loss=inner.number("max_loss", 0.02, low=0, high=1_000),
        max_failed=inner.number("max_failed", 0, low=0, high=1),
        min_labelled=round(inner.number("min_labelled", 100, low=1, high=1_000_000)),
        passes_unjudged=unjudged == "pass",
    )
    inner.close()
    return found


def refusal(backtest: Backtest, result: JsonObject) -> str:
    """Why the version must not go on; empty when it may."""
    said = result.get(KEY)
    asked, failed, labelled = (_number(said, name) for name in ("predictions", "failed", "labelled"))
    if asked is None or failed is None or labelled is None:
        return f"{REFUSED}: the job does not say how many predictions were asked, failed and had labels"
    if failed > backtest.max_failed * (asked + failed):
        why = said.get("failure") if isinstance(said, Mapping) else ""
        return f"{REFUSED}: the version has no answer to {failed:g} of {asked + failed:g} predictions: {why}"
    if labelled < backtest.min_labelled:
        few = f"{labelled:g} predictions had labels, of which at least {backtest.min_labelled} are demanded"
        return "" if backtest.passes_unjudged else f"{REFUSED}: {few}"
    then = _number(result.get("incumbent_metrics"), backtest.metric)
    now = _number(result.get("metrics"), backtest.metric)
    if then is None or now is None:
        return f"{REFUSED}: the job did not measure {backtest.metric} of both answers"
    if lost(backtest.metric, then, now) <= backtest.max_loss * abs(then):
        return ""
    return (
        f"{REFUSED}: {backtest.metric} is {now:g} where the recorded answers have {then:g}, over {labelled:g}"
        f" predictions with labels; at most {backtest.max_loss:.1%} of it may be lost"
    )


def _number(values: Any, name: str) -> float | None:
    value = values.get(name) if isinstance(values, Mapping) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
