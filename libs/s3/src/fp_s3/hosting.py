"""The object store as a dependency of a service."""

from pathlib import Path
from typing import Protocol

from fp_kernel.hosting import Host

from fp_s3.objects import Location, ObjectStore


class Secret(Protocol):
    def get_secret_value(self) -> str: ...


class Settings(Protocol):
    """As `fp_runtime.S3Settings` has them, and the region."""

    @property
    def s3_endpoint(self) -> str: ...

    @property
    def s3_public_endpoint(self) -> str: ...

    @property
    def s3_bucket(self) -> str: ...

    @property
    def s3_access_key(self) -> Secret: ...

    @property
    def s3_secret_key(self) -> Secret: ...

    @property
    def s3_region(self) -> str: ...

    @property
    def s3_ca_file(self) -> Path | None: ...


async def soft_objects(runtime: Host, settings: Settings, *, own: str, public_urls: bool = False) -> ObjectStore:
    """Soft: the service says `degraded` while the store is away, and its calls raise Unavailable.

    own: what the names of its objects begin with.
    public_urls: presigned URLs are for clients outside, not for those who reach the address that this service uses.
    """
    location = Location(
        endpoint=settings.s3_endpoint,
        bucket=settings.s3_bucket,
        access_key=settings.s3_access_key.get_secret_value(),
        secret_key=settings.s3_secret_key.get_secret_value(),
        region=settings.s3_region,
        own=own,
        authorities=settings.s3_ca_file,
        public_endpoint=settings.s3_public_endpoint if public_urls else "",
    )

    async def opened() -> ObjectStore:
        return ObjectStore(location)

    return await runtime.soft("s3", opened, ObjectStore.ping, ObjectStore.close)
