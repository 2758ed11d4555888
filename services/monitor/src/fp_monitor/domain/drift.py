"""A closed window of inputs or answers against the baseline."""

from collections.abc import Callable, Sequence

from fp_monitor.domain import divergence
from fp_monitor.domain.counts import Counts, Layout
from fp_monitor.domain.metric import Method, Metric, Severity
from fp_monitor.domain.significance import adjusted, departure
from fp_monitor.domain.thresholds import Threshold

# One false alarm in a hundred windows, over all features together.
ALPHA = 0.01

_MEASURES: dict[Method, Callable[[divergence.Counted, divergence.Counted], float]] = {
    Method.PSI: divergence.psi,
    Method.KL: divergence.kl,
    Method.KS: divergence.ks,
}


def judge(layout: Layout, counts: Counts, thresholds: Sequence[Threshold]) -> tuple[Metric, ...]:
    """Every statistic of every distribution that the baseline knows.

    thresholds: those of this kind of drift. A large distance that chance explains is no drift, and neither is a tiny
    one that is certain.
    """
    known = [index for index, each in enumerate(layout.distributions) if not each.is_empty]
    certain = adjusted([departure(layout.of(counts, index), layout.distributions[index].counts) for index in known])
    by_method = {threshold.method: threshold for threshold in thresholds}
    return tuple(
        metric
        for index, p_value in zip(known, certain, strict=True)
        for metric in _measured(layout, counts, index, p_value, by_method)
    )


def _measured(
    layout: Layout, counts: Counts, index: int, p_value: float, thresholds: dict[Method, Threshold]
) -> list[Metric]:
    distribution = layout.distributions[index]
    current, baseline = layout.of(counts, index).sum(axis=0), distribution.counts
    then, now = divergence.most_moved(current, baseline)
    ordered = distribution.cells.ordered
    metrics = []
    for method, measure in _MEASURES.items():
        if method is Method.KS and not ordered:
            continue
        span = ordered if method is Method.KS else len(baseline)
        score = measure(current[:span], baseline[:span])
        threshold = thresholds.get(method)
        severity = threshold.level(score) if threshold and p_value < ALPHA else Severity.OK
        metrics.append(Metric(distribution.name, method, score, then, now, severity, p_value))
    return metrics
