"""The stores of the feature store, opened in order; the dependencies that readiness tells of."""

from importlib import resources

from fp_events import NatsBus, connect
from fp_kernel import Clock
from fp_postgres import Database, migrate
from fp_redis.hosting import soft_links
from fp_runtime import Runtime

from fp_featurestore.adapters.online.view import RedisOnline
from fp_featurestore.settings import Settings


async def database(runtime: Runtime, settings: Settings) -> Database:
    """Hard: the log is there."""
    url = settings.database_url.get_secret_value()
    opened = await runtime.hard(
        "postgres", lambda: Database.connect(url, source=runtime.noun), Database.ping, Database.close
    )
    await migrate(url, resources.files("fp_featurestore") / "migrations", service=runtime.noun)
    return opened


async def bus(runtime: Runtime, settings: Settings) -> NatsBus:
    """Soft: events wait in the outbox."""
    url = settings.nats_url.get_secret_value()
    return await runtime.soft(
        "nats", lambda: connect(url, name=runtime.noun, metrics=runtime.metrics), NatsBus.ping, NatsBus.close
    )


async def online(runtime: Runtime, settings: Settings, clock: Clock) -> RedisOnline:
    """Soft: online reads go to the offline view, and what is written meanwhile is replayed from the log."""
    url = settings.redis_url.get_secret_value()
    return RedisOnline(*await soft_links(runtime, url, clock, store="the online view"))
