"""What was asked and what was answered, a prediction a flight."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from fp_flights import evaluate
from fp_flights.flights import Flights


@dataclass(frozen=True, slots=True)
class Answer:
    """score: probability of late. version: that gave it."""

    request_id: str
    score: float
    version: str


@dataclass(slots=True)
class Predictions:
    """Predictions of some flights; positions are places in `flights`.

    asked: how many were sent, which are the first ones. failed: errors of flights that got no answer.
    """

    flights: Flights
    answers: dict[int, Answer] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    retried: int = 0
    asked: int = 0

    @property
    def requests(self) -> set[str]:
        return {answer.request_id for answer in self.answers.values()}

    @property
    def done(self) -> bool:
        return len(self.answers) + len(self.failed) == len(self.flights)

    def positions(self) -> Iterator[int]:
        """Each position once, in order, whoever asks."""
        while self.asked < len(self.flights):
            self.asked += 1
            yield self.asked - 1

    def judged(self, start: int = 0) -> tuple[Flights, npt.NDArray[np.float64]]:
        """The flights from a position on that were answered and have landed, with their scores."""
        landed = self.flights.landed()
        places = np.array([each for each in sorted(self.answers) if each >= start and landed[each]], dtype=np.intp)
        scores = np.array([self.answers[place].score for place in places.tolist()], dtype=np.float64)
        return self.flights.where(places), scores

    def auc(self, start: int = 0) -> float:
        """Of what was answered, against what then happened."""
        flights, scores = self.judged(start)
        return evaluate.metrics(flights.late, scores)["auc"]
