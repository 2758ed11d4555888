"""Redis as a dependency of a service."""

from fp_kernel import Clock
from fp_kernel.hosting import Host

from fp_redis.client import READ_TIMEOUT, WRITE_TIMEOUT, RedisClient


async def soft_link(runtime: Host, url: str, clock: Clock, *, store: str, seconds: float = READ_TIMEOUT) -> RedisClient:
    """Soft: what is stored there is stored elsewhere too, and the service says `degraded`.

    seconds: for each command.
    """

    async def opened() -> RedisClient:
        return RedisClient.open(url, clock, store=store, timeout=seconds)

    return await runtime.soft("redis", opened, RedisClient.ping, RedisClient.close)


async def soft_links(
    runtime: Host, url: str, clock: Clock, *, store: str, seconds: float = READ_TIMEOUT
) -> tuple[RedisClient, RedisClient]:
    """For reads and for writes, soft as `soft_link`: a write may take longer than a read can wait."""
    writes = RedisClient.open(url, clock, store=store, timeout=max(WRITE_TIMEOUT, seconds))
    runtime.on_close(writes.close)
    return await soft_link(runtime, url, clock, store=store, seconds=seconds), writes
