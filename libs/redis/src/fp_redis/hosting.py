"""Redis as a dependency of a service."""

from fp_kernel import Clock
from fp_kernel.hosting import Host

from fp_redis.link import READ_TIMEOUT, WRITE_TIMEOUT, Link


async def soft_link(runtime: Host, url: str, clock: Clock, *, store: str, seconds: float = READ_TIMEOUT) -> Link:
    """Soft: what is stored there is stored elsewhere too, and the service says `degraded`.

    seconds: for each command.
    """

    async def opened() -> Link:
        return Link.open(url, clock, store=store, timeout=seconds)

    return await runtime.soft("redis", opened, Link.ping, Link.close)


async def soft_links(
    runtime: Host, url: str, clock: Clock, *, store: str, seconds: float = READ_TIMEOUT
) -> tuple[Link, Link]:
    """For reads and for writes, soft as `soft_link`: a write may take longer than a read can wait."""
    writes = Link.open(url, clock, store=store, timeout=max(WRITE_TIMEOUT, seconds))
    runtime.on_close(writes.close)
    return await soft_link(runtime, url, clock, store=store, seconds=seconds), writes
