"""The stores of the registry beside its database, opened in order; the dependencies that readiness tells of."""

from fp_kernel import Clock
from fp_redis import RedisClient
from fp_redis.hosting import soft_links
from fp_runtime import Runtime

from fp_registry.adapters.objects import S3Artifacts, Store
from fp_registry.settings import Settings


async def projection(runtime: Runtime, settings: Settings, clock: Clock) -> tuple[RedisClient, RedisClient]:
    """For reads and for writes. Soft: reads go to Postgres."""
    url = settings.redis_url.get_secret_value()
    return await soft_links(runtime, url, clock, store="the projection", seconds=settings.redis_timeout)


async def artifacts(runtime: Runtime, settings: Settings) -> S3Artifacts:
    """Soft: only the confirmation of uploads needs it."""
    store = Store(
        endpoint=settings.s3_endpoint,
        public_endpoint=settings.s3_public_endpoint,
        bucket=settings.s3_bucket,
        access_key=settings.s3_access_key.get_secret_value(),
        secret_key=settings.s3_secret_key.get_secret_value(),
        region=settings.s3_region,
    )

    async def open_artifacts() -> S3Artifacts:
        return S3Artifacts(store, hashing=settings.registry_verify_threads)

    return await runtime.soft("s3", open_artifacts, S3Artifacts.ping, S3Artifacts.close)
