"""How right the answers were, once it is known what happened.

Each statistic comes with the influence of every sample on it, from which its chance error follows: for the AUC this is
the method of DeLong, DeLong and Clarke-Pearson (1988).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fp_monitor.domain.arrays import Flags, Floats, Integers, np
from fp_monitor.domain.metric import Method, Metric, Severity
from fp_monitor.domain.significance import adjusted, loss
from fp_monitor.domain.thresholds import Threshold

ALPHA = 0.05

Classes = Integers

# Which way is better; these decide. Accuracy and F1 are reported, but they mislead: they rise when the rare class gets
# rarer, however little the model still separates the two.
_DECIDING = {"auc": 1.0, "log_loss": -1.0, "rmse": -1.0}


@dataclass(frozen=True, slots=True)
class Estimate:
    """influence: one a sample, in order, summing to 0; empty where no judgement follows."""

    value: float
    influence: Floats


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Labelled predictions in the order of their labels.

    classes: names; empty for regression. actual, predicted: places of classes, -1 for none of them; for regression
    `actual` is the value. scores: of the last class, or the predicted value. probabilities: [sample, class] or None.
    """

    classes: tuple[str, ...]
    actual: Floats
    predicted: Classes
    scores: Floats
    probabilities: Floats | None = None

    def __len__(self) -> int:
        return len(self.actual)


def measure(outcomes: Outcomes) -> dict[str, Estimate]:
    """Every statistic that these outcomes have. AUC needs two classes, both of them present."""
    if not len(outcomes):
        return {}
    if not outcomes.classes:
        return {"rmse": rmse(outcomes.actual, outcomes.scores)}
    actual = outcomes.actual.astype(np.int64)
    result = {
        "accuracy": Estimate(float((actual == outcomes.predicted).mean()), np.empty(0)),
        "f1": Estimate(f1(actual, outcomes.predicted, len(outcomes.classes)), np.empty(0)),
    }
    if len(outcomes.classes) == 2:  # noqa: PLR2004 -- two classes
        positive = actual == 1
        if positive.any() and not positive.all():
            result["auc"] = auc(positive, outcomes.scores)
        result["log_loss"] = log_loss(actual, np.column_stack([1 - outcomes.scores, outcomes.scores]))
    elif outcomes.probabilities is not None:
        result["log_loss"] = log_loss(actual, outcomes.probabilities)
    return result


def auc(positive: Flags, scores: Floats) -> Estimate:
    """Area under the receiver operating characteristic; ties count half."""
    above, below = np.sort(scores[positive]), np.sort(scores[~positive])
    beaten = (np.searchsorted(below, scores, "left") + np.searchsorted(below, scores, "right")) / (2 * len(below))
    lost = 1 - (np.searchsorted(above, scores, "left") + np.searchsorted(above, scores, "right")) / (2 * len(above))
    value = float(beaten[positive].mean())
    influence = np.where(positive, (beaten - value) / len(above), (lost - value) / len(below))
    return Estimate(value, influence)


def log_loss(actual: Classes, probabilities: Floats) -> Estimate:
    """Mean negative log-likelihood; probabilities are held away from 0 and 1 by the machine's epsilon."""
    least = np.finfo(np.float64).eps
    clipped = np.clip(probabilities, least, 1 - least)
    clipped = clipped / clipped.sum(axis=1, keepdims=True)
    each = -np.log(clipped[np.arange(len(actual)), actual])
    value = float(each.mean())
    return Estimate(value, (each - value) / len(each))


def rmse(actual: Floats, predicted: Floats) -> Estimate:
    squares = (actual - predicted) ** 2
    value = float(np.sqrt(squares.mean()))
    return Estimate(value, (squares - squares.mean()) / (2 * max(value, np.finfo(np.float64).tiny) * len(squares)))


def f1(actual: Classes, predicted: Classes, classes: int) -> float:
    """Of the last class where there are two, else the mean over the classes that occur."""
    chosen: Sequence[int] = [1] if classes == 2 else sorted({*actual.tolist(), *predicted.tolist()})  # noqa: PLR2004
    return float(np.mean([_f1_of(actual == place, predicted == place) for place in chosen]))


def _f1_of(actual: Flags, predicted: Flags) -> float:
    every = int(actual.sum() + predicted.sum())
    return 2 * int((actual & predicted).sum()) / every if every else 0.0


def judge(outcomes: Outcomes, reference: Mapping[str, float], thresholds: Sequence[Threshold]) -> tuple[Metric, ...]:
    """Every statistic against the value that the version had on held-out data.

    The score is the share of the reference that was lost; below 0 when it got better.
    """
    estimates = measure(outcomes)
    deciding = [name for name in estimates if name in _DECIDING and reference.get(name, 0.0) > 0]
    worse = {name: _DECIDING[name] * (reference[name] - estimates[name].value) for name in deciding}
    certain = adjusted([loss(worse[name], estimates[name].influence) for name in deciding])
    p_values = dict(zip(deciding, certain, strict=True))
    metrics = []
    for name, estimate in estimates.items():
        then = reference.get(name, 0.0)
        score = worse[name] / then if name in worse else 0.0
        p_value = p_values.get(name, 1.0)
        levels = [threshold.level(score) for threshold in thresholds] if p_value < ALPHA else []
        severity = max(levels, default=Severity.OK)
        metrics.append(Metric(name, Method.UNSPECIFIED, score, then, estimate.value, severity, p_value))
    return tuple(metrics)
