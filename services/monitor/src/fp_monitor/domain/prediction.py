"""A prediction as its event has it, and what became of it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fp_kernel import invalid

from fp_monitor.domain.arrays import Integers, np
from fp_monitor.domain.baseline import LABEL, SCORE, Baseline, Value
from fp_monitor.domain.counts import Layout
from fp_monitor.domain.performance import Outcomes

MAX_LABELS = 1_000
MAX_LABEL_BYTES = 256
MAX_REQUEST_ID = 256
_SKEW = timedelta(minutes=5)
_LARGEST = 1e140


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a request that has many, as far as its event has them; the first one is among them.

    features: those that differ by row, by name. scores, labels: one a row, or none where the answer is not by row.
    """

    count: int
    features: Mapping[str, Sequence[Value]]
    scores: Sequence[float] = ()
    labels: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Prediction:
    """score: of the last class, or the predicted value. label: as the model names it.

    stats: of the outputs; `score.<class>` for each class.
    All of it is of the first row. rows: of a request that has many.
    """

    request_id: str
    version: str
    at: datetime
    features: Mapping[str, float | str]
    score: float | None
    label: str
    stats: Mapping[str, float]
    rows: Rows | None = None

    def input_cells(self, cells: Layout, baseline: Baseline) -> Integers:
        """[row, distribution]"""
        if self.rows is None:
            return np.array([cells.row(self.inputs(baseline))], dtype=np.int64)
        columns, number = self.rows.features, self.rows.count
        # What has no axis of rows is the same for all of them.
        return cells.rows(
            [columns.get(each.name, [self.features.get(each.name)] * number) for each in baseline.features]
        )

    def answer_cells(self, cells: Layout, baseline: Baseline) -> Integers:
        """[row, distribution]; a single row where the answer is not by row."""
        rows = self.rows
        if rows is None or not (rows.scores or rows.labels):
            return np.array([cells.row(self.answers(baseline))], dtype=np.int64)
        missing: list[Value] = [None] * rows.count
        labels = [baseline.label_of(each) if each else None for each in rows.labels]
        columns: dict[str, Sequence[Value]] = {SCORE: rows.scores or missing, LABEL: labels or missing}
        return cells.rows([columns.get(each.name, missing) for each in baseline.answers])

    def inputs(self, baseline: Baseline) -> list[Value]:
        return [self.features.get(feature.name) for feature in baseline.features]

    def answers(self, baseline: Baseline) -> list[Value]:
        known: dict[str, Value] = {SCORE: self.score, LABEL: baseline.label_of(self.label) if self.label else None}
        return [known.get(answer.name) for answer in baseline.answers]

    def probabilities(self, classes: Sequence[str]) -> list[float] | None:
        """One a class where there are more than two; of two the score is enough."""
        if len(classes) <= 2:  # noqa: PLR2004 -- two classes
            return None
        found = [self.stats.get(f"score.{name}", self.stats.get(f"score.{i}")) for i, name in enumerate(classes)]
        usable = [value for value in found if value is not None and math.isfinite(value)]
        return usable if len(usable) == len(classes) else None


@dataclass(frozen=True, slots=True)
class Truth:
    """What really happened after a prediction."""

    request_id: str
    actual: str
    observed_at: datetime


@dataclass(frozen=True, slots=True)
class Labelled:
    """A prediction and its truth, as they are stored."""

    score: float | None
    label: str
    actual: str
    probabilities: Sequence[float] | None = None


def check_truths(truths: Sequence[Truth], now: datetime) -> None:
    """Raises InvalidArgument naming the label."""
    if not 1 <= len(truths) <= MAX_LABELS:
        raise invalid("labels", f"must be 1 to {MAX_LABELS}")
    seen: set[str] = set()
    for index, truth in enumerate(truths):
        path = f"labels[{index}]"
        if not 1 <= len(truth.request_id) <= MAX_REQUEST_ID:
            raise invalid(f"{path}.request_id", f"must be 1 to {MAX_REQUEST_ID} characters")
        if truth.request_id in seen:
            raise invalid(f"{path}.request_id", "is given twice")
        seen.add(truth.request_id)
        if not truth.actual or "\0" in truth.actual or len(truth.actual.encode()) > MAX_LABEL_BYTES:
            raise invalid(f"{path}.actual_label", f"must be 1 to {MAX_LABEL_BYTES} bytes of text")
        # Training goes up to the newest outcome: one from the future would take all later ones out of it.
        if truth.observed_at > now + _SKEW:
            raise invalid(f"{path}.observed_at", "must not be in the future")


def check_meaning(truths: Sequence[Truth], baseline: Baseline) -> None:
    """Raises InvalidArgument naming a label that is no class of the model, or no number for a regression."""
    for index, truth in enumerate(truths):
        path = f"labels[{index}].actual_label"
        if baseline.labels and baseline.class_of(truth.actual) is None:
            raise invalid(path, f"must be one of {', '.join(baseline.labels)}, or its place from 0")
        if not baseline.labels and number(truth.actual) is None:
            raise invalid(path, f"must be a number of at most {_LARGEST:g}")


def number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if _usable(value) else None


def outcomes(rows: Sequence[Labelled], baseline: Baseline) -> Outcomes:
    """Those rows that can be compared, in their order; a prediction without a score cannot."""
    classes = baseline.labels
    if not classes:
        known = [(number(row.actual), row.score) for row in rows]
        pairs = [(actual, score) for actual, score in known if actual is not None and _usable(score)]
        columns = zip(*pairs, strict=True) if pairs else ((), ())
        actual, scores = (np.array(column, dtype=np.float64) for column in columns)
        return Outcomes((), actual, np.full(len(pairs), -1), scores)
    places = [(baseline.class_of(row.actual), row) for row in rows]
    usable = [(place, row) for place, row in places if place is not None and _usable(row.score)]
    complete = [row.probabilities for _, row in usable if row.probabilities and len(row.probabilities) == len(classes)]
    return Outcomes(
        classes,
        np.array([place for place, _ in usable], dtype=np.float64),
        np.array([_place(baseline, row.label) for _, row in usable], dtype=np.int64),
        np.array([row.score for _, row in usable], dtype=np.float64),
        np.array(complete, dtype=np.float64) if usable and len(complete) == len(usable) else None,
    )


def _usable(value: float | None) -> bool:
    """Its square, and the sum of a window's squares, must be a number too."""
    return value is not None and abs(value) <= _LARGEST


def _place(baseline: Baseline, label: str) -> int:
    place = baseline.class_of(label)
    return -1 if place is None else place
