"""What the bus does not take of usage holds up nothing else; on real stores."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime

from fp_billing.adapters.events import USAGE_RECORDED
from fp_events import Broadcast, Published
from fp_events.streams import BILLING, USAGE
from fp_kernel import Unavailable
from fp_postgres import OutboxRelay
from fp_testkit.patience import PATIENCE

FINAL = datetime(2013, 4, 4, tzinfo=UTC)
QUOTA = 40
WAITING = "SELECT count(*) FROM fp_outbox WHERE published_at IS NULL"


class FullOfUsage:
    """The bus, whose stream of usage has no room."""

    def __init__(self, bus):
        self.bus, self.refused = bus, asyncio.Event()

    async def send(self, messages):
        usage = [message for message in messages if message.subject == USAGE_RECORDED]
        taken = await self.bus.send([message for message in messages if message.subject != USAGE_RECORDED])
        if usage:
            self.refused.set()
        failed = {message.id: Unavailable("the stream is full") for message in usage}
        return Published(taken.acked, {**taken.failed, **failed})

    async def ping(self):
        await self.bus.ping()


async def test_quotas_and_invoices_arrive_while_the_stream_of_usage_is_full(desk, database, bus, new_plan, clock):
    await bus.ensure((USAGE, BILLING), ())
    full = FullOfUsage(bus)
    await desk.put_on(new_plan(price=10, quota=QUOTA))
    relay = asyncio.create_task(OutboxRelay(database, full, holder="test").run())
    for number in range(QUOTA):
        await desk.use(model_id=f"model-{number}")
        await desk.publish_usage()
    async with asyncio.timeout(PATIENCE):
        await full.refused.wait()
    await desk.use()
    clock.set_wall(FINAL)
    await desk.invoicing()
    assert await heard(bus, 2) == {"fp.billing.quota.exceeded", "fp.billing.invoice.generated"}
    assert await database.fetchval(WAITING + " AND subject = $1", USAGE_RECORDED) == QUOTA
    relay.cancel()
    with suppress(asyncio.CancelledError):
        await relay


async def heard(bus, number):
    """Types of the first events of quotas and invoices that the bus keeps."""
    found, enough = [], asyncio.Event()

    async def note(event):
        found.append(event.type)
        if len(found) == number:
            enough.set()

    wanted = Broadcast("test", ("fp.billing.quota.>", "fp.billing.invoice.>"), deliver="all")
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        listening = group.create_task(bus.broadcast(wanted, note))
        await enough.wait()
        listening.cancel()
    return set(found)
