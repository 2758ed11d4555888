"""Recorded predictions through another version, which runs in this process.

One by one, in the shapes in which they were asked, with one thread: the version that answered gives the same bytes
where its runtime has one thread too (ADR 0226).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from fp_kernel import FailedPrecondition, invalid
from fp_kernel.answers import best_of, label_of, scores_of
from fp_kernel.judging import MORE_IS_BETTER, lost
from fp_kernel.tensors import Tensor
from fp_rpc.tensors import ELEMENTS

from fp_jobs.models import Run, Tensors

_UNITS: Final = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def span(text: str) -> timedelta:
    """Of `14d`, `12h`, `2w`. Raises InvalidArgument naming `last`."""
    found = re.fullmatch(r"(\d{1,4})([hdw])", text)
    if found is None or not int(found[1]):
        raise invalid("last", f"{text!r} is not a time such as 14d, 12h or 2w")
    return int(found[1]) * _UNITS[found[2]]


@dataclass(slots=True)
class Report:
    """predictions: that were asked again; the others are in `masked` and `failed`. identical: whose answers are equal
    byte by byte. difference: the largest one between two numbers of the scores. failure: the first one.

    then, now: metrics of the answers that were recorded and of those of the version, over `labelled` predictions.
    """

    predictions: int = 0
    identical: int = 0
    masked: int = 0
    failed: int = 0
    labelled: int = 0
    difference: float = 0.0
    failure: str = ""
    then: Mapping[str, float] = field(default_factory=dict)
    now: Mapping[str, float] = field(default_factory=dict)

    def lost(self, metric: str) -> float:
        """The share of the recorded value that the version loses; below 0 when it is better.

        Raises FailedPrecondition when there is no such value.
        """
        if metric not in self.then or metric not in self.now or not self.then[metric]:
            raise FailedPrecondition(f"there is no {metric}: {self.labelled} of the predictions have labels")
        return lost(metric, self.then[metric], self.now[metric]) / abs(self.then[metric])


class Backtest:
    """Predictions go through one by one; what they leave is their scores."""

    def __init__(self, run: Run, classes: Sequence[str]) -> None:
        """classes: of the version's profile; none for a regression."""
        self._run = run
        self._classes = tuple(classes)
        self._report = Report()
        self._actual: list[float] = []
        self._then, self._now = _Scores(), _Scores()

    def add(self, record: Any) -> None:
        """record: a PredictionRecord."""
        prediction, report = record.prediction, self._report
        if prediction.masked:
            report.masked += 1
            return
        recorded = tensors(prediction.outputs)
        try:
            answered = self._run(tensors(prediction.inputs))
        except Exception as error:  # noqa: BLE001 -- the runtime's own exceptions have no common base but this
            report.failed += 1
            report.failure = report.failure or str(error).strip().partition("\n")[0][:300]
            return
        report.predictions += 1
        report.identical += recorded == answered
        report.difference = max(report.difference, _difference(recorded, answered))
        truth = _truth(record.actual_label, self._classes)
        then, now = (_score(outputs, self._classes) for outputs in (recorded, answered))
        if truth is None or then is None or now is None:
            return
        self._then.add(*then)
        self._now.add(*now)
        self._actual.append(truth)

    def report(self) -> Report:
        """Of all that went through."""
        report, actual = self._report, self._actual
        report.labelled = len(actual)
        report.then = self._then.metrics(actual, self._classes)
        report.now = self._now.metrics(actual, self._classes)
        return report


def backtest(records: Iterable[Any], run: Run, classes: Sequence[str]) -> Report:
    """All of them through one; see `Backtest`."""
    asked = Backtest(run, classes)
    for record in records:
        asked.add(record)
    return asked.report()


def facts(report: Report) -> dict[str, Any]:
    """The report, flat: metrics as `then.auc` and `now.auc`."""
    found = {name: getattr(report, name) for name in ("predictions", "identical", "difference", "masked", "failed")}
    found |= {"failure": report.failure, "labelled": report.labelled}
    for name in MORE_IS_BETTER:
        if name in report.then and name in report.now:
            found |= {f"then.{name}": report.then[name], f"now.{name}": report.now[name]}
    return found


def tensors(messages: Iterable[Any]) -> dict[str, Tensor]:
    return {each.name: Tensor(ELEMENTS[each.type], tuple(each.shape), each.data) for each in messages}


@dataclass(slots=True)
class _Scores:
    """score: of the last class, or the value. best: the place of the class with the highest one."""

    score: list[float] = field(default_factory=list)
    best: list[int] = field(default_factory=list)

    def add(self, score: float, best: int) -> None:
        self.score.append(score)
        self.best.append(best)

    def metrics(self, actual: Sequence[float], classes: Sequence[str]) -> dict[str, float]:
        """AUC and log-loss of two classes, both of which occur."""
        score = self.score
        if not actual:
            return {}
        if not classes:
            return {"rmse": (sum((a - s) ** 2 for a, s in zip(actual, score, strict=True)) / len(actual)) ** 0.5}
        from sklearn.metrics import log_loss, roc_auc_score  # noqa: PLC0415 -- a second, for who has labels

        found = {"accuracy": sum(a == b for a, b in zip(actual, self.best, strict=True)) / len(actual)}
        if len(classes) == 2 and len(set(actual)) == 2:  # noqa: PLR2004 -- two classes
            found["auc"] = float(roc_auc_score(actual, score))
            found["log_loss"] = float(log_loss(actual, score, labels=[0, 1]))
        return found


def _score(outputs: Tensors, classes: Sequence[str]) -> tuple[float, int] | None:
    """Of the first row: the score of the last class, or the value, and the best class. None without scores."""
    found = scores_of(outputs)
    if found is None or not found[1].count:
        return None
    tensor = found[1]
    row = tensor.numbers(tensor.width)
    place = place_of(label_of(outputs), classes)
    return float(row[-1]), best_of(row) if place is None else place


def place_of(text: str, classes: Sequence[str]) -> int | None:
    """Of a class by its name, or by its place as a number; as monitor reads labels."""
    if text in classes:
        return classes.index(text)
    return int(text) if text.isascii() and text.isdecimal() and int(text) < len(classes) else None


def _truth(text: str, classes: Sequence[str]) -> float | None:
    if classes or not text:
        return place_of(text, classes)
    try:
        return float(text)
    except ValueError:
        return None


def _difference(recorded: Tensors, answered: Tensors) -> float:
    then, now = scores_of(recorded), scores_of(answered)
    if then is None or now is None or then[1].count != now[1].count:
        return 0.0
    count = then[1].count
    return max((abs(a - b) for a, b in zip(then[1].numbers(count), now[1].numbers(count), strict=True)), default=0.0)
