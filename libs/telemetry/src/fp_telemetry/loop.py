"""Measures how late the event loop runs."""

import asyncio
import time
from typing import Final

from fp_telemetry import names
from fp_telemetry.metrics import Metrics

_INTERVAL: Final = 0.25
_SAMPLES: Final = 40


async def watch_event_loop(metrics: Metrics) -> None:
    """Measure the delay of a timer until cancelled; the gauge is the worst of the last ten seconds, in seconds.

    The worst and not the last: a scrape every 15 s would miss nearly every stall.
    """
    gauge = metrics.gauge(names.EVENT_LOOP_LAG, "Worst delay of the event loop in the last ten seconds.")
    recent = [0.0] * _SAMPLES
    gauge.set_function(lambda: max(recent))
    position = 0
    while True:
        due = time.monotonic() + _INTERVAL
        await asyncio.sleep(_INTERVAL)
        recent[position] = max(0.0, time.monotonic() - due)
        position = (position + 1) % _SAMPLES
