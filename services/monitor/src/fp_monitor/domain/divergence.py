"""How far two distributions over the same cells are apart."""

from fp_monitor.domain.arrays import ArrayLike, Floats, np

Counted = ArrayLike

# A cell without a count on one side would make the logarithms infinite: there it counts as half an event.
_UNSEEN = 0.5


def shares(counts: Counted, other: Counted) -> tuple[Floats, Floats]:
    """The shares of both sides over the cells that one of them has seen."""
    left, right = np.asarray(counts, dtype=np.float64), np.asarray(other, dtype=np.float64)
    seen = (left > 0) | (right > 0)
    left, right = left[seen], right[seen]
    left, right = np.where(left > 0, left, _UNSEEN), np.where(right > 0, right, _UNSEEN)
    return left / left.sum(), right / right.sum()


def psi(current: Counted, baseline: Counted) -> float:
    """Population stability index: the two Kullback-Leibler divergences together."""
    now, then = shares(current, baseline)
    return float(((now - then) * np.log(now / then)).sum())


def kl(current: Counted, baseline: Counted) -> float:
    """Kullback-Leibler divergence of the current from the baseline, in nats."""
    now, then = shares(current, baseline)
    return float((now * np.log(now / then)).sum())


def ks(current: Counted, baseline: Counted) -> float:
    """Kolmogorov-Smirnov distance over ordered cells: what it is at the edges of the bins."""
    now, then = np.asarray(current, dtype=np.float64), np.asarray(baseline, dtype=np.float64)
    if not now.sum() or not then.sum():
        return 0.0
    return float(np.abs(np.cumsum(now) / now.sum() - np.cumsum(then) / then.sum()).max())


def most_moved(current: Counted, baseline: Counted) -> tuple[float, float]:
    """Shares, then and now, of the cell that moved most: what a reader can picture."""
    now, then = np.asarray(current, dtype=np.float64), np.asarray(baseline, dtype=np.float64)
    now, then = now / max(now.sum(), 1.0), then / max(then.sum(), 1.0)
    cell = int(np.abs(now - then).argmax())
    return float(then[cell]), float(now[cell])
