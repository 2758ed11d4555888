"""What only the feature store opens."""

from fp_kernel import Clock
from fp_redis.hosting import soft_links
from fp_runtime import Runtime

from fp_featurestore.adapters.online.view import RedisOnline
from fp_featurestore.settings import Settings


async def online(runtime: Runtime, settings: Settings, clock: Clock) -> RedisOnline:
    """Soft: online reads go to the offline view, and what is written meanwhile is replayed from the log."""
    url = settings.redis_url.get_secret_value()
    return RedisOnline(*await soft_links(runtime, url, clock, store="the online view", seconds=settings.redis_timeout))
