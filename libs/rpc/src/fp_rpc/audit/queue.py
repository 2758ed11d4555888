"""The bounded queue between calls and the audit sink."""

import asyncio
import random
import time
from collections import deque
from itertools import islice
from typing import Final

from fp_kernel import Backoff, Kind
from fp_kernel.audit import DENIED, AuditRecord
from fp_telemetry import Metrics, get_logger, names

from fp_rpc.audit.denials import DenialLimiter, DenialPolicy
from fp_rpc.audit.records import AuditSink, write_line

_log = get_logger("fp_rpc.audit")
_BATCH: Final = 100
# Of calls that a caller may have refused as often as he likes.
_REFUSED: Final = DENIED | {Kind.RESOURCE_EXHAUSTED.value}
_BACKOFF: Final = Backoff(first=0.2, longest=30.0)


class AuditQueue:
    """Takes records without waiting and hands them to the sink in batches and in order.

    A record that finds the queue full, or that is left when the process stops, is written to the log, so that it is
    not lost in silence; `audit_records_total{outcome}` counts `sent` (handed to the sink), `suppressed` and `overflow`.
    """

    def __init__(self, sink: AuditSink, metrics: Metrics, *, capacity: int, denials: DenialPolicy) -> None:
        self._sink = sink
        self._capacity = capacity
        self._denials = DenialLimiter(denials)
        self._window = denials.window
        self._queue: deque[AuditRecord] = deque()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        records = metrics.counter(names.AUDIT_RECORDS, "Audit records by what became of them.", ("outcome",))
        self._sent, self._suppressed, self._overflow = (
            records.labels(outcome) for outcome in ("sent", "suppressed", "overflow")
        )

    def add(self, record: AuditRecord) -> None:
        if record.status in _REFUSED or not record.actor_id:
            # 490,000 anonymous logouts would otherwise fill the stream, and every service's audit with it.
            admitted = self._denials.admit(record, time.monotonic())
            if admitted is None:
                self._suppressed.inc()
                return
            record = admitted
        self._put(record)

    def start(self) -> None:
        # Owned by this object: `close` ends it and waits for it.
        self._task = asyncio.get_running_loop().create_task(self._run(), name="audit")

    async def close(self, patience: float) -> None:
        """Hand the sink what is left, for at most `patience` seconds; the log gets the rest."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        for record in self._denials.ended(time.monotonic(), everything=True):
            self._put(record)
        try:
            async with asyncio.timeout(patience):
                while self._queue:
                    await self._send()
        except Exception as failure:  # noqa: BLE001 -- a sink may fail in any way, and the records must still be written
            _log.warning("audit sink failed at stop", cause=repr(failure), left=len(self._queue))
        while self._queue:
            self._overflow.inc()
            write_line(self._queue.popleft())

    def _put(self, record: AuditRecord) -> None:
        if len(self._queue) >= self._capacity:
            self._overflow.inc()
            write_line(record)
            return
        self._queue.append(record)
        self._wake.set()

    async def _run(self) -> None:
        failures = 0
        while True:
            try:
                await self._turn()
                failures = 0
            except Exception as failure:  # noqa: BLE001 -- a sink may fail in any way; the same records come again
                failures += 1
                pause = _BACKOFF.delay(failures, random.random())  # noqa: S311 -- spreads retries, guards nothing
                _log.warning("audit sink failed", cause=repr(failure), waiting=len(self._queue), retry_in=pause)
                await asyncio.sleep(pause)
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    raise
                # A future that the sink shares with others was cancelled: that must not end the audit for good.
                failures += 1
                _log.warning("audit sink was cancelled by another", waiting=len(self._queue))
                await asyncio.sleep(_BACKOFF.delay(failures, 1.0))

    async def _turn(self) -> None:
        if not self._queue:
            await self._wait()
        for record in self._denials.ended(time.monotonic()):
            self._put(record)
        await self._send()

    async def _wait(self) -> None:
        """Until there is a record, or for one window, after which counted denials are due."""
        self._wake.clear()
        try:
            async with asyncio.timeout(self._window):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _send(self) -> None:
        batch = list(islice(self._queue, _BATCH))
        if not batch:
            return
        await self._sink.record(batch)
        # Removed only now, so that they are tried again after a failure or a cancellation.
        for _ in batch:
            self._queue.popleft()
        self._sent.inc(len(batch))
