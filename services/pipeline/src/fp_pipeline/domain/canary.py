"""Is the new version good enough for all the traffic? A pure function of what was counted."""

from dataclasses import dataclass
from enum import StrEnum

from fp_pipeline.domain.config import CanaryConfig, NoTraffic
from fp_pipeline.domain.statistics import P99, Counts

_MORE_WITHOUT_ROWS = 0.1


class Verdict(StrEnum):
    WAIT = "WAIT"
    PROMOTE = "PROMOTE"
    REJECT = "REJECT"


@dataclass(frozen=True, slots=True)
class Judgement:
    """reason: what was found, in words."""

    verdict: Verdict
    reason: str


def judge(
    rules: CanaryConfig,
    candidate: Counts,
    incumbent: Counts,
    seconds: float,
    *,
    waited: float | None = None,
    gap: str = "",
) -> Judgement:
    """candidate, incumbent: counted without a gap for `seconds`.

    waited: seconds since the candidate got its share, where that is longer ago.
    gap: what was lost since then, in words; empty when nothing was.
    After a gap, want of requests is no reason to promote: they may be what was lost.
    """
    waited = seconds if waited is None else waited
    hopeless = _hopeless(rules, candidate)
    if hopeless:
        return Judgement(Verdict.REJECT, hopeless)
    lacking = _lacking(rules, candidate, incumbent)
    if seconds < rules.min_seconds or (lacking and waited < rules.timeout_seconds):
        return Judgement(Verdict.WAIT, _with_gap(lacking or "the canary's time is not over", gap))
    # What little was seen may already be enough to refuse, never to be sure.
    fault = (
        _too_slow(rules, candidate, incumbent)
        or _too_many_errors(rules, candidate)
        or _without_rows(rules, candidate, incumbent)
    )
    if fault:
        return Judgement(Verdict.REJECT, fault)
    if not lacking:
        return Judgement(Verdict.PROMOTE, _with_gap(f"{candidate.samples} requests within the limits", gap))
    lacking = f"{lacking} after {waited:.0f} s"
    if gap:
        return Judgement(Verdict.REJECT, _with_gap(lacking, gap))
    return _without_samples(rules, candidate, lacking)


def _without_samples(rules: CanaryConfig, candidate: Counts, lacking: str) -> Judgement:
    if candidate.errors:
        # Failures among few requests: its breaker may have kept the others away from it.
        return Judgement(Verdict.REJECT, f"{candidate.errors} of {candidate.samples} requests failed, and {lacking}")
    if rules.on_no_traffic is NoTraffic.FAIL:
        return Judgement(Verdict.REJECT, lacking)
    return Judgement(Verdict.PROMOTE, f"{lacking}, and the config promotes without")


def _hopeless(rules: CanaryConfig, candidate: Counts) -> str:
    """So many errors that the rate would be too high even if nothing failed up to the least number of requests."""
    if rules.max_error_rate is None or candidate.samples == 0:
        return ""
    of = max(candidate.samples, rules.min_samples)
    if candidate.errors > rules.max_error_rate * of:
        return (
            f"{candidate.errors} of {candidate.samples} requests failed, more than {rules.max_error_rate:.2%} of {of}"
        )
    return ""


def _lacking(rules: CanaryConfig, candidate: Counts, incumbent: Counts) -> str:
    if candidate.samples < rules.min_samples:
        return f"only {candidate.samples} of {rules.min_samples} requests reached the version"
    if rules.max_latency_ratio is not None and incumbent.answered < rules.min_samples:
        return f"only {incumbent.answered} of {rules.min_samples} answers of the other versions to compare with"
    return ""


def _too_many_errors(rules: CanaryConfig, candidate: Counts) -> str:
    if candidate.errors and not candidate.answered:
        return f"none of {candidate.samples} requests was answered"
    if rules.max_error_rate is None or candidate.error_rate <= rules.max_error_rate:
        return ""
    return f"{candidate.error_rate:.2%} of {candidate.samples} requests failed, the limit is {rules.max_error_rate:.2%}"


def _without_rows(rules: CanaryConfig, candidate: Counts, incumbent: Counts) -> str:
    """A detector that finds nothing answers without rows, rightly and as often as the version before it."""
    usual = incumbent.without_rows / incumbent.answered if incumbent.answered else 0.0
    allowed = usual + (_MORE_WITHOUT_ROWS if rules.max_error_rate is None else rules.max_error_rate)
    if candidate.without_rows <= allowed * candidate.answered:
        return ""
    return (
        f"{candidate.without_rows} of {candidate.answered} answers have no rows, "
        f"of the others {incumbent.without_rows} of {incumbent.answered}"
    )


def _too_slow(rules: CanaryConfig, candidate: Counts, incumbent: Counts) -> str:
    if not candidate.answered:
        return ""
    p99 = candidate.percentile_ms(P99)
    if rules.max_p99_ms is not None and p99 > rules.max_p99_ms:
        return f"p99 is {p99:.1f} ms, the limit is {rules.max_p99_ms:g} ms"
    before = incumbent.percentile_ms(P99)
    if rules.max_latency_ratio is not None and before and p99 > rules.max_latency_ratio * before:
        return f"p99 is {p99:.1f} ms, more than {rules.max_latency_ratio:g} times the {before:.1f} ms of the others"
    return ""


def _with_gap(found: str, gap: str) -> str:
    return f"{found}; {gap}" if gap else found
