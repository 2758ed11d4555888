"""Whether a difference is more than chance, where neighbours resemble each other."""

from collections.abc import Sequence

from fp_monitor.domain.arrays import Floats, Integers, np
from fp_monitor.domain.tails import f_tail, t_tail

# With fewer blocks their likeness cannot be judged, and nothing is significant.
FEWEST_BLOCKS = 8
_MOST_BLOCKS = 32
_UNSEEN = 0.5


def long_run_covariance(parts: Floats) -> tuple[Floats, float]:
    """Covariance of the sum of a series' consecutive parts, and the degrees of freedom of that estimate.

    parts: [block, quantity], centred. Parts up to a quarter of the series apart are allowed to resemble each other
    (Bartlett weights, Newey and West 1987); its degrees of freedom follow from that width.
    """
    blocks = len(parts)
    lag = blocks // 4
    covariance = parts.T @ parts
    for apart in range(1, lag + 1):
        crossed = parts[apart:].T @ parts[:-apart]
        covariance += (1 - apart / (lag + 1)) * (crossed + crossed.T)
    return covariance * blocks / (blocks - 1), 1.5 * blocks / (lag + 1)


def departure(blocks: Integers, baseline: Sequence[int]) -> float:
    """p-value of "these blocks come from the baseline's distribution".

    Pearson's chi-square divided by what chance makes of it in this series, as an F statistic: the second-order
    correction of Rao and Scott (1981), with the covariance between blocks in place of a survey's clusters. In weather
    most of the chance lies in one direction (a warm spell moves all bins at once), so its degrees of freedom are few.
    The variance is never taken for smaller than that of independent events.
    """
    then = np.asarray(baseline, dtype=np.float64)
    totals = blocks.sum(axis=0).astype(np.float64)
    seen = (totals > 0) | (then > 0)
    cells = int(seen.sum())
    events, trained = totals.sum(), then.sum()
    if len(blocks) < FEWEST_BLOCKS or cells < 2 or not trained:  # noqa: PLR2004 -- one cell cannot differ
        return 1.0
    then = np.where(then > 0, then, _UNSEEN)[seen]
    expected = then / then.sum()
    share = totals[seen] / events
    distance = float(((share - expected) ** 2 / expected).sum())
    sizes = blocks.sum(axis=1, keepdims=True)
    parts = (blocks[:, seen] - sizes * share) / events / np.sqrt(expected)
    covariance, freedom = long_run_covariance(parts)
    variance, directions = float(np.trace(covariance)), float(cells - 1)
    if variance > directions / events:
        directions = max(1.0, variance**2 / float((covariance * covariance).sum()))
    else:
        variance = directions / events
    return f_tail(distance / (variance * (1 + events / trained)), directions, directions * freedom)


def block_sums(influence: Floats) -> Floats:
    """Consecutive parts of a series, as many as are judged."""
    return np.asarray([part.sum() for part in np.array_split(influence, min(_MOST_BLOCKS, len(influence)))])


def loss(difference: float, influence: Floats) -> float:
    """One-sided p-value of "nothing was lost".

    difference: how much worse than the reference. influence: what each sample adds to the estimate, centred, in order.
    """
    if len(influence) < FEWEST_BLOCKS:
        return 1.0
    covariance, freedom = long_run_covariance(block_sums(influence).reshape(-1, 1))
    variance = max(float(covariance[0, 0]), float((influence * influence).sum()))
    if variance <= 0:
        return 0.0 if difference > 0 else 1.0
    return t_tail(difference / variance**0.5, freedom)


def adjusted(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for their number: the false discovery rate of Benjamini and Hochberg (1995)."""
    number = len(p_values)
    order = sorted(range(number), key=lambda index: p_values[index], reverse=True)
    result, least = [1.0] * number, 1.0
    for step, index in enumerate(order):
        least = min(least, p_values[index] * number / (number - step))
        result[index] = least
    return result
