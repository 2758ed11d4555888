"""Whether a promoted version does as well as the versions before it. A pure function of what was counted."""

from dataclasses import dataclass

from fp_pipeline.domain.statistics import P99, Counts


@dataclass(frozen=True, slots=True)
class Objective:
    """What a promoted version must keep, against the versions before it.

    max_error_increase: share of failed requests, 0 to 1, above theirs. max_latency_ratio: p99 over theirs; None where
    it is not watched. min_samples: requests before it is judged.
    """

    max_error_increase: float = 0.05
    max_latency_ratio: float | None = None
    min_samples: int = 100


def broken(objective: Objective, promoted: Counts, before: Counts) -> str:
    """What of the objective the promoted version does not keep, in words; empty while it does."""
    return _fails(objective, promoted, before) or _slow(objective, promoted, before)


def _fails(objective: Objective, promoted: Counts, before: Counts) -> str:
    allowed = before.error_rate + objective.max_error_increase
    # Also with fewer requests, when so many failed that the rate would be too high even if nothing else did: the
    # breaker keeps requests away from a version that answers none.
    if promoted.errors <= allowed * max(promoted.samples, objective.min_samples):
        return ""
    return (
        f"{promoted.errors} of {promoted.samples} requests failed, of the version before"
        f" {before.errors} of {before.samples}; the objective allows {allowed:.2%}"
    )


def _slow(objective: Objective, promoted: Counts, before: Counts) -> str:
    least = min(promoted.answered, before.answered)
    if objective.max_latency_ratio is None or least < objective.min_samples:
        return ""
    now, then = promoted.percentile_ms(P99), before.percentile_ms(P99)
    if now <= objective.max_latency_ratio * then:
        return ""
    return (
        f"p99 is {now:.1f} ms, more than {objective.max_latency_ratio:g} times the {then:.1f} ms of the version before"
    )
