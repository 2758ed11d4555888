"""A trained model against the one in production, both measured by the same job."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fp_pipeline.domain.config_reader import ConfigReader
from fp_pipeline.domain.definition import JsonObject

REFUSED = "CHALLENGER_REFUSED"


@dataclass(frozen=True, slots=True)
class Contest:
    """The challenger's `metric` must be better than the incumbent's, and by `margin` at least."""

    metric: str
    margin: float
    lower_is_better: bool


def read(reader: ConfigReader) -> Contest:
    """Of a step's config, which says that there is one."""
    return Contest(
        metric=reader.text("metric", required=True),
        margin=reader.number("margin", 0, low=0, high=1e9),
        lower_is_better=reader.whether("lower_is_better"),
    )


def refusal(contest: Contest, result: JsonObject) -> str:
    """Why the challenger must not go on; empty when it may.

    A result says `incumbent_metrics: null` when there is no incumbent. One that does not speak of it is refused: a job
    that forgot to compare would let everything pass.
    """
    if "incumbent_metrics" not in result:
        return f"{REFUSED}: the job did not measure the incumbent"
    if not result["incumbent_metrics"]:
        return ""
    challenger = _metric(result.get("metrics"), contest.metric)
    incumbent = _metric(result["incumbent_metrics"], contest.metric)
    if challenger is None or incumbent is None:
        return f"{REFUSED}: the job did not measure {contest.metric} of both models"
    gain = incumbent - challenger if contest.lower_is_better else challenger - incumbent
    if gain > 0 and gain >= contest.margin:
        return ""
    return (
        f"{REFUSED}: {contest.metric} is {challenger:g} against {incumbent:g} of the incumbent, "
        f"a gain of {gain:g} where more than 0 and at least {contest.margin:g} is demanded"
    )


def _metric(metrics: Any, name: str) -> float | None:
    value = metrics.get(name) if isinstance(metrics, Mapping) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
