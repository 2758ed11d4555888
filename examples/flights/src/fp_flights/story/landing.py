"""Behind the clock: flights that have left and outcomes of those that have landed go into the feature store."""

import asyncio

import numpy as np

from fp_flights import store
from fp_flights.flights import Flights
from fp_flights.store import BATCH, Views
from fp_flights.story.clock import StoryClock
from fp_flights.story.labels import Labels
from fp_flights.story.session import Session

_PAUSE = 0.1


class Landing:
    """Writes every flight of the story, not only the predicted ones. departed, landed: rows written so far."""

    def __init__(self, session: Session, views: Views, flights: Flights) -> None:
        self._session = session
        self._views = views
        self._flights = flights
        self._order = flights.order_of_arrival()
        self._arrivals = flights.arrival[self._order]
        self.departed = 0
        self.landed = 0

    async def write(self, until: np.datetime64) -> None:
        """Everything that is known at that moment and was not written before."""
        departed = int(np.searchsorted(self._flights.scheduled, until, side="right"))
        if departed > self.departed:
            await store.write_flights(self._session, self._views, self._flights.where(slice(self.departed, departed)))
            self.departed = departed
        landed = int(np.searchsorted(self._arrivals, until, side="right"))
        if landed > self.landed:
            chosen = self._order[self.landed : landed]
            await store.write_outcomes(self._session, self._views, self._flights.where(chosen))
            self.landed = landed

    async def follow(self, clock: StoryClock, labels: Labels) -> None:
        """Go behind the clock, for ever. A label is sent only when everything known by then has been written: what is
        learned as of the newest label lacks nothing, and is the same whenever it is read again.
        """
        while True:
            now = clock.now
            departed = int(np.searchsorted(self._flights.scheduled, now, side="right"))
            if departed - self.departed >= BATCH or clock.waiting:
                await self.write(now)
                await labels.submit(now)
                clock.know(now)
            await asyncio.sleep(_PAUSE)

    async def finish(self, labels: Labels) -> None:
        """The last flight has left: the clock goes on until all have landed."""
        await self.write(np.datetime64("2014-01-01", "s"))
        await labels.settle()
