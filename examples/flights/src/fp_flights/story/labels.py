"""It becomes known whether a flight was late when it lands, and only then."""

import asyncio
from dataclasses import dataclass, field

import numpy as np
from forgepoint.monitor.v1 import monitor_pb2 as pb
from fp_jobs.patience import patiently
from fp_kernel import DeadlineExceeded, new_id

from fp_flights.features import LABELS
from fp_flights.pipelines import MODEL
from fp_flights.story.predictions import Predictions
from fp_flights.story.session import Session

BATCH = 1_000
# A prediction's event reaches the monitor after its answer; a monitor that is away hears of it when it is back.
SETTLE_SECONDS = 120.0
_PAUSE = 0.25


@dataclass(slots=True)
class Labels:
    """Labels of predicted flights, in the order of arrival.

    waiting: places of flights that have landed and are not labelled yet, the first to land first. accepted: labels that
    the monitor took.
    """

    session: Session
    predicted: Predictions
    accepted: int = 0
    waiting: list[int] = field(default_factory=list)
    _order: list[int] = field(default_factory=list)
    _landed: int = 0

    def __post_init__(self) -> None:
        self._order = self.predicted.flights.order_of_arrival().tolist()

    async def submit(self, until: np.datetime64) -> None:
        """Labels of all that have landed by then; those whose prediction the monitor does not know yet stay."""
        arrival = self.predicted.flights.arrival
        while self._landed < len(self._order) and arrival[self._order[self._landed]] <= until:
            self.waiting.append(self._order[self._landed])
            self._landed += 1
        ready = [place for place in self.waiting if place in self.predicted.answers]
        unmatched: set[int] = set()
        for start in range(0, len(ready), BATCH):
            unmatched |= await self._send(ready[start : start + BATCH])
        sent = set(ready) - unmatched
        self.waiting = [place for place in self.waiting if place not in sent]

    async def settle(self) -> None:
        """Every flight has been predicted and has landed: until the monitor knows all of it.

        Raises DeadlineExceeded when it does not in time.
        """
        last = np.datetime64("9999-01-01", "s")
        ends = asyncio.get_running_loop().time() + SETTLE_SECONDS
        while True:
            await self.submit(last)
            self.waiting = [place for place in self.waiting if place in self.predicted.answers]
            if not self.waiting:
                return
            if asyncio.get_running_loop().time() > ends:
                raise DeadlineExceeded(f"the monitor has not heard of {len(self.waiting)} predictions")
            await asyncio.sleep(_PAUSE)

    async def _send(self, places: list[int]) -> set[int]:
        """The places of what the monitor does not know yet."""
        flights = self.predicted.flights
        by_request = {self.predicted.answers[place].request_id: place for place in places}
        request = pb.SubmitGroundTruthRequest(model_name=MODEL, idempotency_key=new_id())
        for identifier, place in by_request.items():
            label = request.labels.add(request_id=identifier, actual_label=LABELS[int(flights.late[place])])
            label.observed_at.seconds = int(flights.arrival[place].astype("datetime64[s]").astype(int))
        response = await patiently(lambda: self.session.monitor.SubmitGroundTruth(request))
        self.accepted += response.accepted
        return {by_request[identifier] for identifier in response.unmatched_request_ids}
