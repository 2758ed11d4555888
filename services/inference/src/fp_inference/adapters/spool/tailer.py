"""From the spool to the bus."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from fp_events import Outgoing, Published
from fp_kernel import Error, Kind
from fp_telemetry import Metrics, get_logger

from fp_inference.adapters.spool.spool import Entry, Spool
from fp_inference.app.replays import Replays

_BATCH = 128
# Events of a moment go together; nobody waits for them.
_LINGER = 0.02
_FIRST_DELAY = 0.1
_LONGEST_DELAY = 5.0

_log = get_logger(__name__)


class Tailer:
    """Publishes in order with pipelined acks; what was not acknowledged is sent again, and known by its id.

    send: publishes, as `Bus.send`.
    """

    def __init__(
        self,
        spool: Spool,
        send: Callable[[Sequence[Outgoing]], Awaitable[Published]],
        replays: Replays,
        metrics: Metrics,
    ) -> None:
        self._spool = spool
        self._send = send
        self._replays = replays
        self._refused = metrics.counter("events_refused_total", "Spooled events that the bus can never take.")
        metrics.gauge("spool_bytes", "Size of the spool.").set_function(lambda: spool.bytes)
        metrics.gauge("spool_fullness", "Part of the spool's room that is taken.").set_function(lambda: spool.fullness)

    async def run(self) -> None:
        """Until cancelled; then the rest stays in the spool."""
        delay = _FIRST_DELAY
        while True:
            await self._spool.changed.wait()
            await asyncio.sleep(_LINGER)
            if await self.step():
                delay = _FIRST_DELAY
            else:
                await asyncio.sleep(delay)
                delay = min(delay * 2, _LONGEST_DELAY)

    async def flush(self) -> None:
        """Publish what is there, or give up at the first failure."""
        while self._spool.changed.is_set():
            if not await self.step():
                return

    async def step(self) -> bool:
        """Publish one batch; whether all of it was taken."""
        # Cleared before reading: what is appended from here on sets it again.
        self._spool.changed.clear()
        entries = self._spool.read(_BATCH)
        if not entries:
            return True
        try:
            published = await self._send([entry.record.message for entry in entries])
        except BaseException:
            self._again()
            raise
        await self._replays.store([entry.record.replay for entry in entries if entry.record.replay])
        done = self._settled(entries, published)
        if done:
            self._spool.commit(entries[done - 1].after)
        if done < len(entries):
            self._again()
            return False
        self._spool.changed.set()
        return True

    def _again(self) -> None:
        self._spool.rewind()
        self._spool.changed.set()

    def _settled(self, entries: Sequence[Entry], published: Published) -> int:
        """How many from the front are done with."""
        for index, entry in enumerate(entries):
            message = entry.record.message
            if message.id in published.acked:
                continue
            error = published.failed.get(message.id)
            if not _is_permanent(error):
                return index
            # Waiting would hold every later event back for ever.
            _log.error("event can never be published", event=message.id, reason=str(error))
            self._spool.set_aside(entry.record)
            self._refused.inc()
        return len(entries)


def _is_permanent(error: Error | None) -> bool:
    return error is not None and error.kind is Kind.INVALID_ARGUMENT
