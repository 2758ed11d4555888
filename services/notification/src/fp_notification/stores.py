"""The stores of notification, opened in order; the dependencies that readiness tells of."""

from importlib import resources

from fp_events import NatsBus, connect
from fp_postgres import Database, migrate
from fp_runtime import Runtime

from fp_notification.settings import Settings


async def database(runtime: Runtime, settings: Settings) -> Database:
    """Hard: everything is kept there."""
    url = settings.database_url.get_secret_value()
    opened = await runtime.hard(
        "postgres", lambda: Database.connect(url, source=runtime.noun), Database.ping, Database.close
    )
    await migrate(url, resources.files("fp_notification") / "migrations", service=runtime.noun)
    return opened


async def bus(runtime: Runtime, settings: Settings) -> NatsBus:
    """Soft: events out wait in the outbox, events in wait on the bus."""
    url = settings.nats_url.get_secret_value()
    return await runtime.soft(
        "nats", lambda: connect(url, name=runtime.noun, metrics=runtime.metrics), NatsBus.ping, NatsBus.close
    )
