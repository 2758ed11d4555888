"""Redis as a dependency of a service."""

from fp_kernel import Clock
from fp_kernel.hosting import Host

from fp_redis.link import WRITE_TIMEOUT, Link


async def soft_link(runtime: Host, url: str, clock: Clock, *, store: str) -> Link:
    """Soft: what is kept there is kept elsewhere too, and the service says `degraded`."""

    async def opened() -> Link:
        return Link.open(url, clock, store=store)

    return await runtime.soft("redis", opened, Link.ping, Link.close)


async def soft_links(runtime: Host, url: str, clock: Clock, *, store: str) -> tuple[Link, Link]:
    """For reads and for writes, soft as `soft_link`: a write may take longer than a read can wait."""
    writes = Link.open(url, clock, store=store, timeout=WRITE_TIMEOUT)
    runtime.on_close(writes.close)
    return await soft_link(runtime, url, clock, store=store), writes
