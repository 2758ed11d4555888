"""Settings of inference."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from fp_runtime import Address, EventSettings, RedisSettings, ServiceSettings
from pydantic import AfterValidator, Field

from fp_inference.app.bulkhead import BulkheadPolicy
from fp_inference.app.forward import ForwardPolicy
from fp_inference.app.limits import parse_limits
from fp_inference.app.mirror import MirrorPolicy
from fp_inference.domain.breaker import BreakerPolicy

_MIB = 1024 * 1024

Seconds = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


def _check_limits(value: str) -> str:
    parse_limits(value)
    return value


class Settings(ServiceSettings, EventSettings, RedisSettings):
    """auth_addr: validates API keys. pipeline_addr: lists deployments.
    billing_addr: says whether a quota is still exceeded, its limit may have been raised; without it, events alone say.
    monitor_addr: says of which models predictions are logged; without it none are.
    log_policy_seconds: between two questions for that.
    rate_limits: tokens a second and burst by role, for example `default=100/200,engineer=2000/4000`.
    spool_dir: where events wait for the bus; must outlive the process. One process a folder.
    spool_max_bytes: that wait there at most; 2 GiB are some five hours at 100 predictions a second.
    spool_max_hours: that an event waits there at most; the stream keeps it no longer either.
    count_seconds: between two counts of what was recorded, for billing to compare with what it metered.
    predict_timeout: seconds that a runtime gets for one call; the caller's own deadline comes first.
    bulkhead_*: predictions of one target at once (of one model twice as many), how many may wait for a place, for how
    many seconds, and bytes of all requests that are at runtimes or wait (half of them for one model).
    shadow_bytes: of copies for shadows that wait or are under way; more are dropped. shadow_at_once: calls of shadows.
    breaker_*: failures in a row that open it, seconds until a probe, successes that close it.
    reconcile_seconds: between two readings of the pipeline's list of deployments.
    inference_keep_routes_days: how long removed versions, and splits and marks of models without a version, stay known;
    longer than the streams of deployments and models keep their events, which would else bring back what is over.
    """

    auth_addr: Address
    pipeline_addr: Address
    billing_addr: Address | None = None
    monitor_addr: Address | None = None
    log_policy_seconds: Seconds = 10.0
    rate_limits: Annotated[str, AfterValidator(_check_limits)] = "default=100/200"
    spool_dir: Path
    spool_max_bytes: Annotated[int, Field(ge=_MIB)] = 2048 * _MIB
    spool_max_hours: Seconds = 72.0
    count_seconds: Seconds = 60.0
    predict_timeout: Seconds = 10.0
    bulkhead_in_flight: Count = 64
    bulkhead_waiting: Annotated[int, Field(ge=0)] = 256
    bulkhead_seconds: Seconds = 1.0
    bulkhead_bytes: Annotated[int, Field(ge=_MIB)] = 256 * _MIB
    shadow_bytes: Annotated[int, Field(ge=0)] = 16 * _MIB
    shadow_at_once: Count = 4
    breaker_failures: Count = 5
    breaker_seconds: Seconds = 30.0
    breaker_successes: Count = 2
    reconcile_seconds: Seconds = 300.0
    inference_keep_routes_days: Annotated[int, Field(ge=1)] = 40

    @property
    def keep_routes(self) -> timedelta:
        return timedelta(days=self.inference_keep_routes_days)

    @property
    def forward(self) -> ForwardPolicy:
        return ForwardPolicy(timeout=self.predict_timeout)

    @property
    def bulkhead_of_targets(self) -> BulkheadPolicy:
        return BulkheadPolicy(self.bulkhead_in_flight, self.bulkhead_waiting, self.bulkhead_seconds)

    @property
    def bulkhead_of_models(self) -> BulkheadPolicy:
        """Twice the places of a target: one that hangs and holds all of its own leaves as many to another."""
        return BulkheadPolicy(
            2 * self.bulkhead_in_flight, self.bulkhead_waiting, self.bulkhead_seconds, self.bulkhead_bytes
        )

    @property
    def mirror(self) -> MirrorPolicy:
        return MirrorPolicy(self.shadow_bytes, self.shadow_at_once, self.predict_timeout)

    @property
    def breaker(self) -> BreakerPolicy:
        return BreakerPolicy(self.breaker_failures, self.breaker_seconds, self.breaker_successes)
