"""How shadows get their copies, and where what came of them is counted."""

from fp_redis import RedisClient
from fp_runtime import Runtime
from fp_telemetry import Metrics

from fp_inference.adapters.redis_tallies import RedisTallies
from fp_inference.app.mirror import Mirror, Shadows
from fp_inference.app.tallies import Tallies
from fp_inference.domain.agreement import Agreement
from fp_inference.settings import Settings

_FLUSH = 5.0


class ShadowMetrics:
    """The mean difference of numbers is that of the two counters."""

    def __init__(self, metrics: Metrics) -> None:
        self._outcomes = metrics.counter("shadow_requests_total", "Copies for shadows by outcome.", ("outcome",))
        self._labels = metrics.counter("shadow_labels_total", "Labels of shadows, equal or not.", ("outcome",))
        self._unlike = metrics.counter("shadow_unlike_total", "Outputs of shadows that cannot be compared.")
        self._numbers = metrics.counter("shadow_numbers_total", "Numbers of shadows that were compared.")
        self._difference = metrics.counter("shadow_difference_total", "Absolute differences of these numbers.")

    def came(self, outcome: str) -> None:
        self._outcomes.labels(outcome).inc()

    def compared(self, agreement: Agreement) -> None:
        self._labels.labels("agreed").inc(agreement.agreed)
        self._labels.labels("disagreed").inc(agreement.labels - agreement.agreed)
        self._unlike.inc(agreement.unlike)
        self._numbers.inc(agreement.numbers)
        self._difference.inc(agreement.difference)


def mirrored(runtime: Runtime, link: RedisClient, shadows: Shadows, settings: Settings) -> tuple[Mirror, Tallies]:
    """Both run from here on."""
    tallies = Tallies(RedisTallies(link))
    mirror = Mirror(
        shadows,
        tallies,
        runtime.clock,
        policy=settings.mirror,
        breaker=settings.breaker,
        metrics=ShadowMetrics(runtime.metrics),
    )
    gauge = runtime.metrics.gauge("shadow_bytes", "Of copies for shadows that wait or are under way.")
    gauge.set_function(lambda: mirror.bytes)
    runtime.keep("shadows", mirror.run)
    runtime.every(_FLUSH, "tallies", tallies.flush)
    # What was counted since: a service that is updated stops often.
    runtime.on_close(tallies.flush)
    return mirror, tallies
