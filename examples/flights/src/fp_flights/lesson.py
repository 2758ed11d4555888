"""Which flights a training learns from and which ones judge it, from the input of its execution.

Two kinds. The first training is triggered with `as_of` and `window_start`, and holds every fourth week out: whole weeks
from all over its window. A retraining is triggered by the monitor with `newest_labelled_at`. It must be good at what
comes next, so the newest weeks judge it and the incumbent, and it has seen none of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np

from fp_flights.flights import Flights
from fp_flights.training_set import Window


@dataclass(frozen=True, slots=True)
class Lesson:
    """window: of flights that are read. newest_days: as many of the newest days judge; 0: every fourth week does."""

    window: Window
    newest_days: float = 0.0

    def judging(self) -> Window:
        """The least that has to be read for the flights that judge."""
        if not self.newest_days:
            return self.window
        return Window(self.window.as_of - timedelta(days=self.newest_days), self.window.as_of)

    def split(self, flights: Flights) -> tuple[Flights, Flights]:
        """Those to learn from, and those to be judged by."""
        held_out = self._newest(flights) if self.newest_days else flights.held_out()
        return flights.where(~held_out), flights.where(held_out)

    def _newest(self, flights: Flights) -> Any:
        return flights.scheduled >= np.datetime64(self.judging().start.replace(tzinfo=None), "us")


def of(execution_input: Mapping[str, Any], config: Mapping[str, Any]) -> Lesson:
    """config: `learn_days` and `judge_days` of a retraining, one span before the other.

    Raises KeyError for an input of neither kind, and ValueError for times that are none.
    """
    if "newest_labelled_at" in execution_input:
        learned, judged = float(config["learn_days"]), float(config["judge_days"])
        return Lesson(Window.before(execution_input["newest_labelled_at"], learned + judged), judged)
    return Lesson(Window.parse(execution_input["window_start"], execution_input["as_of"]))
