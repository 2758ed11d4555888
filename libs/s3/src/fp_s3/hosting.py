"""The object store as a dependency of a service."""

from fp_kernel.hosting import Host

from fp_s3.objects import Location, ObjectStore


async def soft_objects(runtime: Host, location: Location) -> ObjectStore:
    """Soft: a service that only adds to it says `degraded` while it is away."""

    async def opened() -> ObjectStore:
        return ObjectStore(location)

    return await runtime.soft("s3", opened, ObjectStore.ping, ObjectStore.close)
