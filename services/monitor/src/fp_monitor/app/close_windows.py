"""Windows whose time is over close, whether or not another event comes."""

from dataclasses import replace
from datetime import timedelta

from fp_kernel import Clock
from fp_telemetry import get_logger

from fp_monitor.app.judge_window import JudgeWindow
from fp_monitor.app.ports import Due, Reads, Transactions
from fp_monitor.app.submit_truth import judged_by

_log = get_logger(__name__)
_BATCH = 50
_AGAIN = timedelta(hours=1)


class CloseWindows:
    """Every replica looks; the model's lock lets one of them close a window."""

    def __init__(self, transactions: Transactions, reads: Reads, judge_window: JudgeWindow, clock: Clock) -> None:
        self._transactions = transactions
        self._reads = reads
        self._judge_window = judge_window
        self._clock = clock

    async def __call__(self) -> int:
        """How many windows were due."""
        found = await self._reads.due(self._clock.now(), _BATCH)
        for due in found:
            try:
                await self.close(due)
            except Exception:  # noqa: BLE001 -- it is tried again; the windows behind it do not wait for it
                _log.exception("window could not be closed", model=due.model_name, window=due.window_id)
        return len(found)

    async def close(self, due: Due) -> None:
        async with self._transactions() as tx:
            await tx.monitors.lock(due.team, due.model_name)
            monitor = await tx.monitors.find(due.team, due.model_name)
            window = await tx.windows.find(due.window_id)
            now = self._clock.now()
            if monitor is None or window is None or window.closes_at is None or window.closes_at > now:
                return
            version = window.version or monitor.served
            baseline = await judged_by(tx, monitor, version) if monitor.config.enabled else None
            if baseline is None or window.samples < max(monitor.config.min_samples, 1):
                if version == monitor.served:
                    # Too little for a judgement: what is there stays and waits for more.
                    await tx.windows.save(replace(window, closes_at=now + (monitor.config.duration or _AGAIN)))
                else:
                    await tx.windows.remove(window.id)
                return
            await tx.monitors.save(await self._judge_window(tx, monitor, baseline, window))
        _log.info("window closed by the clock", model=due.model_name, kind=window.kind, samples=window.samples)
