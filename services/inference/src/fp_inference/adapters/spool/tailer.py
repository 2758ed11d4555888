"""From the spool to the bus."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from fp_events import EncodedEvent, Published
from fp_kernel import Clock, Kind
from fp_telemetry import Metrics, get_logger, names

from fp_inference.adapters.spool.batches import Batch, Part, batches, part_of
from fp_inference.adapters.spool.builder import Builder
from fp_inference.adapters.spool.logged import LogMessage, Taken, log_messages, to_log
from fp_inference.adapters.spool.records import pack
from fp_inference.adapters.spool.spool import Entry, Spool
from fp_inference.app.logged_models import LoggedModels
from fp_inference.app.replays import Replays

# Records of one round.
_ROUND = 2_000
# What is recorded in this time goes together: a message costs its consumers nearly the same however much it carries,
# and nobody waits for it (ADR 0183).
_LINGER = 0.25
# Events that are built in one turn of the loop: as long as one call takes, so that calls wait for one and not for five.
_AT_ONCE = 4
# Of which it is looked in one turn whether they are logged.
_LOOKED_AT = 64
# Times that messages of the log are sent when the bus takes all others.
_LOG_TRIES = 3
_FIRST_DELAY = 0.1
_LONGEST_DELAY = 5.0

_log = get_logger(__name__)


class Tailer:
    """Publishes rounds, in order and with pipelined acks. One that the bus did not take whole is sent again as it was.

    send: publishes, as `Bus.send`. max_age: seconds after which what waits is dropped.
    """

    def __init__(
        self,
        spool: Spool,
        send: Callable[[Sequence[EncodedEvent]], Awaitable[Published]],
        replays: Replays,
        *,
        builder: Builder,
        models: LoggedModels,
        metrics: Metrics,
        clock: Clock,
        max_age: float,
    ) -> None:
        self._spool = spool
        self._send = send
        self._builder = builder
        self._models = models
        self._replays = replays
        self._clock = clock
        self._max_age = max_age
        self._behind = False
        self._refused = metrics.counter("events_refused_total", "Spooled events that the bus can never take.")
        self._unlogged = metrics.counter(
            "predictions_unlogged_total", "Predictions that are missing in the prediction log.", ("reason",)
        )
        metrics.gauge(names.SPOOL_BYTES, "Size of the spool.").set_function(lambda: spool.bytes)
        metrics.gauge("spool_fullness", "Part of the spool's room that is taken.").set_function(lambda: spool.fullness)

    async def run(self) -> None:
        """Until cancelled; then the rest stays in the spool."""
        delay = _FIRST_DELAY
        while True:
            await self._spool.changed.wait()
            if not self._behind:
                await asyncio.sleep(_LINGER)
            if await self.step():
                delay = _FIRST_DELAY
            else:
                self._expire()
                await asyncio.sleep(delay)
                delay = min(delay * 2, _LONGEST_DELAY)

    async def flush(self) -> None:
        """Publish what is there, or give up at the first failure."""
        while self._spool.changed.is_set():
            if not await self.step():
                return

    async def step(self) -> bool:
        """Publish one round; whether all of it was taken."""
        # Cleared before reading: what is appended from here on sets it again.
        self._spool.changed.clear()
        try:
            return await self._round()
        except BaseException:
            self._spool.changed.set()
            raise

    async def _round(self) -> bool:
        entries: list[Entry] = []
        for some in self._spool.taking(_ROUND):
            entries += some
            await asyncio.sleep(0)
        self._behind = len(entries) >= _ROUND
        if not entries:
            return True
        made: list[Batch] = []
        for batch in batches(await self._parts(entries), self._spool.name):
            made.append(batch)
            await asyncio.sleep(0)
        log = await self._log(entries)
        messages = [batch.message for batch in made if batch.message is not None]
        published = await self._send([*messages, *(each.message for each in log)])
        await self._replays.store([entry.record.replay for entry in entries if entry.record.replay])
        if any(_waits(batch, published) for batch in made):
            self._spool.changed.set()
            return False
        for batch in made:
            self._set_aside(batch, published)
        await self._log_again([each for each in log if each.message.id not in published.acked])
        self._spool.commit(entries[-1].after)
        # A round that was begun before may be shorter than what waits.
        self._spool.changed.set()
        return True

    async def _log(self, entries: Sequence[Entry]) -> list[LogMessage]:
        """By turns, as events are."""
        found: list[Taken] = []
        for place, entry in enumerate(entries):
            if place % _LOOKED_AT == _LOOKED_AT - 1:
                await asyncio.sleep(0)
            try:
                taken = to_log(entry, self._models, self._spool.layouts)
            except Exception:  # noqa: BLE001 -- what logs a prediction cannot hold back the event that bills it
                self._unlogged.labels("unreadable").inc()
                continue
            if taken is not None:
                found.append(taken)
                if len(found) % _AT_ONCE == 0:
                    await asyncio.sleep(0)
        messages: list[LogMessage] = []
        for message in log_messages(found, self._spool.name):
            messages.append(message)
            await asyncio.sleep(0)
        return messages

    async def _log_again(self, log: Sequence[LogMessage]) -> None:
        """What is logged never holds back what is billed: the bus took all of that, and gets this a few times more."""
        for _ in range(_LOG_TRIES - 1):
            if not log:
                return
            published = await self._send([each.message for each in log])
            log = [each for each in log if each.message.id not in published.acked]
        if log:
            self._unlogged.labels("refused").inc(sum(each.predictions for each in log))
            _log.error("the bus does not take predictions for the prediction log", messages=len(log))

    async def _parts(self, entries: Sequence[Entry]) -> list[Part]:
        """Events are built on the loop that answers calls: some, and then those have their turn."""
        parts: list[Part] = []
        for entry in entries:
            if len(parts) % _AT_ONCE == _AT_ONCE - 1:
                await asyncio.sleep(0)
            parts.append(part_of(entry, self._builder.built))
        return parts

    def _set_aside(self, batch: Batch, published: Published) -> None:
        """What can never be published: waiting would hold every later event back for ever."""
        if batch.message is not None and batch.message.id in published.acked:
            return
        reason = "no event can be made of it" if batch.message is None else str(published.failed[batch.message.id])
        _log.error("events can never be published", events=len(batch.records), reason=reason)
        for record in batch.records:
            self._spool.set_aside(pack(record))
        self._refused.inc(len(batch.records))

    def _expire(self) -> None:
        dropped = self._spool.expire(self._clock.now().timestamp() - self._max_age)
        if dropped:
            _log.error("predictions waited too long for the bus and were dropped", bytes=dropped)


def _waits(batch: Batch, published: Published) -> bool:
    """Whether the bus may take it later."""
    if batch.message is None or batch.message.id in published.acked:
        return False
    error = published.failed.get(batch.message.id)
    return error is None or error.kind is not Kind.INVALID_ARGUMENT
