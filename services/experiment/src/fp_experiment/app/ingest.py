"""Ingests points and the lineage in events: a bounded backlog, written in batches.

Whoever submits waits until its entry is committed, so that nothing that was answered or acknowledged can be lost, and
memory stays flat: a caller beyond the share of its team is refused, an event beyond it waits with its acknowledgement.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, NoReturn

from fp_kernel import Aborted, Clock, Error, Replayed, ResourceExhausted, Unavailable
from fp_telemetry import get_logger

from fp_experiment.app.ports import BatchWriter, Entry, Outcome
from fp_experiment.domain.batching import Backlog, BatchPolicy

_WRITE_TIMEOUT: Final = 20.0  # seconds for one batch
_TRIES: Final = 3
# No team has this name.
_EVENTS: Final = ""

_log = get_logger(__name__)


@dataclass(slots=True, eq=False)
class _Ticket:
    entry: Entry
    outcome: "asyncio.Future[int]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Ingest:
    """observe: gets the rows and seconds of each batch, written or not; waiting: the rows that are here."""

    def __init__(
        self,
        writer: BatchWriter,
        clock: Clock,
        policy: BatchPolicy,
        *,
        observe: Callable[[int, float], None] = lambda _rows, _seconds: None,
        waiting: Callable[[int], None] = lambda _rows: None,
    ) -> None:
        self._writer = writer
        self._clock = clock
        self._backlog: Backlog[_Ticket] = Backlog(policy)
        self._observe = observe
        self._waiting = waiting
        self._came = asyncio.Event()
        self._room = asyncio.Event()

    async def now_or_never(self, entry: Entry) -> int:
        """The number of new rows, once they are committed.

        Raises ResourceExhausted with a retry delay when there is no room, and what became of the entry otherwise.
        """
        ticket = _Ticket(entry)
        if not self._add(ticket, entry.team):
            raise ResourceExhausted(
                "more is being logged than can be written",
                reason="BACKLOG_FULL",
                retry_after=self._backlog.retry_after(),
            )
        return await ticket.outcome

    async def patiently(self, entry: Entry) -> int:
        """The same for who can wait for room; all who wait have one share, and take no call its room."""
        ticket = _Ticket(entry)
        while not self._add(ticket, _EVENTS):
            self._room.clear()
            await self._room.wait()
        return await ticket.outcome

    async def run(self) -> NoReturn:
        """Write what is due, until cancelled; what still waits then is refused."""
        try:
            while True:
                await self._due()
                await self._write_some()
        finally:
            while tickets := self._backlog.take():
                _fail(tickets, Unavailable("the service stops", retry_after=1.0))
            self._backlog.done(0.0)

    def _add(self, ticket: _Ticket, team: str) -> bool:
        added = self._backlog.add(ticket, ticket.entry.rows, self._clock.monotonic(), team)
        if added:
            self._came.set()
            self._waiting(self._backlog.rows)
        return added

    async def _due(self) -> None:
        while (left := self._backlog.due_in(self._clock.monotonic())) != 0.0:
            self._came.clear()
            try:
                async with asyncio.timeout(left):
                    await self._came.wait()
            except TimeoutError:
                return

    async def _write_some(self) -> None:
        tickets = self._backlog.take()
        rows, began = sum(ticket.entry.rows for ticket in tickets), self._clock.monotonic()
        try:
            # A caller who gave up meanwhile gets no answer, and its entry is not written.
            await self._write([ticket for ticket in tickets if not ticket.outcome.done()])
        finally:
            _fail(tickets, Unavailable("the service stops", retry_after=1.0))
            seconds = self._clock.monotonic() - began
            self._backlog.done(seconds)
            self._observe(rows, seconds)
            self._waiting(self._backlog.rows)
            self._room.set()

    async def _write(self, tickets: Sequence[_Ticket]) -> None:
        """A batch that fails by one of its entries is divided until that one stands alone."""
        if not tickets:
            return
        try:
            outcomes = await self._tried([ticket.entry for ticket in tickets])
        except (Unavailable, Aborted) as error:
            _fail(tickets, error)
        except Exception as error:  # noqa: BLE001 -- it concerns these entries, not the loop
            if len(tickets) == 1:
                _log_unknown(error)
                _fail(tickets, error)
                return
            middle = len(tickets) // 2
            await self._write(tickets[:middle])
            await self._write(tickets[middle:])
        else:
            for ticket, outcome in zip(tickets, outcomes, strict=True):
                _settle(ticket, outcome)

    async def _tried(self, entries: Sequence[Entry]) -> Sequence[Outcome]:
        """Raises Unavailable, Aborted, or whatever an entry is at fault for."""
        for left in reversed(range(_TRIES)):
            try:
                async with asyncio.timeout(_WRITE_TIMEOUT):
                    return await self._writer.write(entries)
            except Aborted:
                if not left:
                    raise
            except TimeoutError:
                raise Unavailable("the database is too slow", retry_after=1.0) from None
        raise AssertionError("the last try returns or raises")


def _settle(ticket: _Ticket, outcome: Outcome) -> None:
    if ticket.outcome.done():
        return
    if isinstance(outcome, int):
        ticket.outcome.set_result(outcome)
    else:
        ticket.outcome.set_exception(outcome)


def _fail(tickets: Sequence[_Ticket], error: Exception) -> None:
    for ticket in tickets:
        if not ticket.outcome.done():
            ticket.outcome.set_exception(error)


def _log_unknown(error: Exception) -> None:
    if not isinstance(error, Error | Replayed):
        _log.error("entry cannot be written", error=repr(error))
