"""A receiver that is slow, or gone, takes its own room and nobody else's; over real sockets."""

import asyncio
from dataclasses import dataclass, field

import pytest
from fp_notification.adapters.postgres.archive import PostgresArchive
from fp_notification.domain.breaker import BreakerPolicy
from fp_notification.domain.delivery import Backoff
from fp_notification.domain.recipients import Channel
from fp_notification.retention import ForgetHosts
from fp_testkit.patience import PATIENCE


@dataclass
class Slow:
    """Takes every connection, and answers when it is let go."""

    port: int = 0
    taken: int = 0
    at_once: int = 0
    most: int = 0
    go: asyncio.Event = field(default_factory=asyncio.Event)
    busy: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    @property
    def url(self):
        return f"http://127.0.0.2:{self.port}/hook"

    async def serve(self, reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        self.taken += 1
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        self.busy.release()
        await self.go.wait()
        self.at_once -= 1
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()
        writer.close()


@pytest.fixture
async def slow():
    made = Slow()
    server = await asyncio.start_server(made.serve, "127.0.0.2", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    made.go.set()
    server.close()
    await server.wait_closed()


async def running(*desks):
    """Their workers, until the block ends."""
    return [asyncio.create_task(desk.worker.run()) for desk in desks]


async def ended(tasks):
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_receiver_that_does_not_answer_holds_up_nobody_else(database, new_desk, facts, slow, receiver):
    """Forty messages wait for the slow one before the other's come: each of those is delivered meanwhile."""
    desk = new_desk(database, per_host=2)
    await desk.rule("fp.slow.>", target=slow.url, name="slow")
    await desk.rule("fp.quick.>", target=receiver.url, name="quick")
    await desk.notify([facts("fp.slow.told", resource_id=f"m{number}") for number in range(40)])
    workers = await running(desk)
    async with asyncio.timeout(PATIENCE):
        for _ in range(2):
            await slow.busy.acquire()
    await desk.notify([facts("fp.quick.told", resource_id=f"m{number}") for number in range(40)])
    assert len(await receiver.received(40)) == 40
    assert (slow.taken, slow.most) == (2, 2)
    slow.go.set()
    async with asyncio.timeout(PATIENCE):
        for _ in range(38):
            await slow.busy.acquire()
    await ended(workers)
    assert slow.taken == 40


async def test_two_replicas_keep_the_bound_of_a_host_together(database, new_desk, facts, slow):
    desks = [new_desk(database, per_host=2) for _ in range(3)]
    await desks[0].rule("fp.>", target=slow.url)
    await desks[0].notify([facts(resource_id=f"m{number}") for number in range(40)])
    async with asyncio.TaskGroup() as group:
        claims = [group.create_task(desk.claims.claim(16, 60.0)) for desk in desks for _ in range(4)]
    assert sum(len(claim.result()) for claim in claims) == 2


async def test_each_host_that_waits_gets_a_place_before_any_gets_a_second(database, new_desk, facts):
    desk = new_desk(database, per_host=2)
    await add_waiting(database, desk, facts, {f"host-{number}": 5 for number in range(6)})
    leases = await desk.claims.claim(6, 60.0)
    hosts = await database.fetch("SELECT host, count(*) AS n FROM deliveries WHERE leased_until > now() GROUP BY host")
    assert len(leases) == 6
    assert {row["host"]: row["n"] for row in hosts} == {f"host-{number}": 1 for number in range(6)}


async def test_a_host_that_was_left_alone_is_tried_by_one_message(database, new_desk, facts):
    desk = new_desk(database, per_host=16)
    await add_waiting(database, desk, facts, {"ill": 5, "well": 5})
    await database.execute("INSERT INTO destinations (host, failures, open_until) VALUES ('ill', 5, now())")
    await desk.claims.claim(16, 60.0)
    await desk.claims.claim(16, 60.0)
    hosts = await database.fetch("SELECT host, count(*) AS n FROM deliveries WHERE leased_until > now() GROUP BY host")
    assert {row["host"]: row["n"] for row in hosts} == {"ill": 1, "well": 5}


async def test_people_of_one_host_have_one_breaker_and_no_choice_closes_it(
    database, new_desk, facts, receiver, webhook, people
):
    receiver.answers = ["500 No"]
    desk = new_desk(database, backoff=Backoff((0.0,) * 50), breaker=BreakerPolicy(3, 60.0), per_host=1)
    await desk.prefer(webhook(receiver.url))
    await desk.prefer(webhook(f"{receiver.url}&of=bob"), who=people[1])
    await desk.notify([facts(resource_id=f"m{number}") for number in range(5)])
    await desk.worker.once()
    assert len(receiver.requests) == 3
    await desk.prefer(webhook(receiver.url))
    await desk.prefer(webhook(f"{receiver.url}&new=1"), who=people[1])
    assert await desk.worker.once() == 0


async def test_deliveries_of_the_code_before_are_delivered(database, new_desk, facts, receiver):
    desk = new_desk(database, per_host=2)
    await desk.rule("fp.>", target=receiver.url)
    await desk.notify([facts(resource_id=f"m{number}") for number in range(5)])
    await database.execute("UPDATE deliveries SET host = DEFAULT")
    assert await desk.worker.once() == 5
    assert len(receiver.requests) == 5


async def add_waiting(database, desk, facts, numbers):
    """Deliveries that are due, by host."""
    await desk.rule("fp.>", target="https://1.1.1.1/")
    total = sum(numbers.values())
    await desk.notify([facts(resource_id=f"m{number}") for number in range(total)])
    ids = [row["id"] for row in await database.fetch("SELECT id FROM notifications WHERE 'WEBHOOK' = ANY (channels)")]
    hosts = [host for host, number in numbers.items() for _ in range(number)]
    await database.execute(
        "UPDATE deliveries d SET host = n.host FROM unnest($1::uuid[], $2::text[]) AS n (id, host)"
        " WHERE d.notification_id = n.id AND d.channel = $3",
        ids,
        hosts,
        Channel.WEBHOOK,
    )


async def test_hosts_that_answer_are_forgotten_by_pages_and_those_that_fail_stay(desk, database):
    await database.execute(
        "INSERT INTO destinations (host, failures) SELECT 'host-' || n, (n % 1000 = 7)::integer "
        "FROM generate_series(1, 2500) AS n"
    )
    await ForgetHosts(PostgresArchive(database))()
    left = await database.fetch("SELECT host FROM destinations ORDER BY host")
    assert [row["host"] for row in left] == ["host-1007", "host-2007", "host-7"]
