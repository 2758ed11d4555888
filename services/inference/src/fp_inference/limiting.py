"""Who may predict now, put together: quotas and plans by billing, buckets in Redis."""

import grpc
from fp_kernel import new_id
from fp_redis import RedisClient
from fp_runtime import Runtime

from fp_inference.adapters.billing import BillingUsage
from fp_inference.adapters.redis_buckets import RedisBuckets
from fp_inference.adapters.redis_fleet import RedisFleet
from fp_inference.app.admission import Admission
from fp_inference.app.limiter import Limiter
from fp_inference.app.places import Places
from fp_inference.app.quotas import Quotas
from fp_inference.app.team_limits import TeamLimits

_BEAT = 1.0


def admission(runtime: Runtime, link: RedisClient, billing: grpc.aio.Channel | None) -> tuple[Admission, Quotas]:
    """billing: None where it cannot be asked; quotas: told by events."""
    usage = BillingUsage(billing) if billing is not None else None
    quotas, limiter = Quotas(usage, runtime.clock), Limiter(RedisBuckets(link), runtime.clock)
    teams = TeamLimits(usage, limiter, runtime.clock)
    runtime.on_close(teams.close)
    fleet = RedisFleet(link, new_id())
    runtime.every(_BEAT, "fleet", fleet.beat)
    runtime.on_close(fleet.leave)
    return Admission(quotas, limiter, teams, Places(fleet)), quotas
