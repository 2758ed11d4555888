"""The audit log on the real stores: appended by replicas, read, checked after somebody changed it, dropped by age."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from fp_auth.adapters.checkpoints import ObjectCheckpoints
from fp_auth.adapters.postgres.audit import PostgresAuditReads, PostgresAuditTransactions
from fp_auth.app.audit_ports import Wanted
from fp_auth.app.checkpoint_audit import CheckpointAudit
from fp_auth.app.erase_audit_addresses import EraseAuditAddresses
from fp_auth.app.read_audit import ExportAudit, ListAudit, VerifyAudit
from fp_auth.app.record_audit import RecordAudit, Reported
from fp_auth.domain.audit import Break, Chain, Record
from fp_kernel import InvalidArgument, PageRequest, new_id
from fp_postgres.partitions import Partitioned, Partitions
from fp_s3 import Location, ObjectStore
from fp_testkit.clock import ManualClock

NOW = datetime(2013, 3, 1, 12, tzinfo=UTC)
DAY = NOW.date()
CHAIN = Chain(b"k" * 32)
CONSUMER = "auth-audit"


def reported(number=0, **changes):
    facts = Record(
        new_id(), NOW, "alpha", "auth", "/s/M", "ada", "admin", "", "OK", f"model-{number}", b"", 0, f"call-{number}"
    )
    return Reported(replace(facts, **changes), "192.0.2.7")


async def partitioned(database, now=NOW, retention=None):
    partitions = Partitions(
        database, Partitioned("audit_entries", by="date", each="month", ahead=2, behind=0, retention=retention)
    )
    await partitions.ensure(now)
    return partitions


class Log:
    """The use-cases over one database."""

    def __init__(self, database, checkpoints, clock):
        self.database = database
        self.clock = clock
        self.reads = PostgresAuditReads(database)
        self.record = RecordAudit(PostgresAuditTransactions(database), CHAIN, clock, consumer=CONSUMER)
        self.checkpoint = CheckpointAudit(self.reads, checkpoints, clock, every=timedelta(hours=1))
        self.verification = VerifyAudit(self.reads, checkpoints, CHAIN, clock)

    async def verify(self, first=None, last=None):
        return {verified.day: verified async for verified in self.verification(first, last)}

    async def broken(self, day=DAY):
        return (await self.verify())[day].broken

    async def tamper(self, *statements):
        """What a superuser does: the triggers do not stop him."""
        async with self.database.transaction() as tx:
            await tx.execute("ALTER TABLE audit_entries DISABLE TRIGGER USER")
            for statement in statements:
                await tx.execute(statement)
            await tx.execute("ALTER TABLE audit_entries ENABLE TRIGGER USER")


@pytest.fixture
async def objects(s3):
    store = ObjectStore(Location(s3.endpoint, s3.name, s3.access_key, s3.secret_key))
    yield store
    await store.close()


@pytest.fixture
async def log(database, objects):
    await partitioned(database)
    return Log(database, ObjectCheckpoints(objects, CHAIN), ManualClock(NOW))


async def test_each_record_is_one_entry_however_often_it_comes(log):
    batch = [reported(number) for number in range(3)]

    assert await log.record(batch) == 3
    assert await log.record([*batch[1:], reported(3)]) == 1

    page = await log.reads.page(Wanted(team="alpha"), None, 10)
    assert [entry.record.resource_id for entry in page] == ["model-3", "model-2", "model-1", "model-0"]
    assert (await log.verify())[DAY].broken is None


async def test_replicas_that_append_at_once_make_one_chain(log):
    await asyncio.gather(*(log.record([reported(5 * n + m) for m in range(5)]) for n in range(20)))

    (found,) = (await log.verify()).values()
    assert (found.entries, found.broken) == (100, None)


async def test_addresses_of_one_person_can_be_compared_and_those_of_two_cannot(log):
    await log.record(
        [reported(actor_id="ada"), reported(actor_id="ada"), reported(actor_id="eve"), reported(actor_id="")]
    )

    first, second, third, anonymous = reversed(await log.reads.page(Wanted(team="alpha"), None, 10))
    assert first.record.address == second.record.address
    assert len({first.record.address, third.record.address, anonymous.record.address}) == 3
    assert b"192.0.2.7" not in first.record.address


async def test_what_is_erased_of_a_person_can_be_compared_with_nothing_and_breaks_no_chain(log):
    erase = EraseAuditAddresses(log.reads)
    await log.record([reported(0)])

    assert await erase("ada")
    assert not await erase("ada")

    await log.record([reported(1)])
    after, before = await log.reads.page(Wanted(team="alpha"), None, 10)
    assert before.record.address != after.record.address
    assert await log.broken() is None


@pytest.mark.parametrize("person", ["", "nobody:2013-03-01", "x" * 101])
async def test_only_what_is_kept_of_a_person_is_erased(log, person):
    with pytest.raises(InvalidArgument, match="person_id"):
        await EraseAuditAddresses(log.reads)(person)


@pytest.mark.parametrize(
    ("statements", "broken"),
    [
        (["UPDATE audit_entries SET actor_id = 'eve' WHERE number = 3"], Break(3, "was changed, moved or added")),
        (["DELETE FROM audit_entries WHERE number = 2"], Break(2, "is missing; the next one is 3")),
        (
            [
                "UPDATE audit_entries SET number = 99 WHERE number = 2",
                "UPDATE audit_entries SET number = 2 WHERE number = 4",
                "UPDATE audit_entries SET number = 4 WHERE number = 99",
            ],
            Break(2, "was changed, moved or added"),
        ),
        (["DELETE FROM audit_entries WHERE number > 3"], Break(4, "5 entries were chained, 3 are here")),
        (
            [
                "DELETE FROM audit_entries WHERE number > 3",
                "UPDATE audit_days SET entries = 3, head = (SELECT mac FROM audit_entries WHERE number = 3)",
            ],
            Break(4, "a checkpoint knows of 5 entries, 3 are here"),
        ),
        (["TRUNCATE audit_entries", "DELETE FROM audit_days"], Break(0, "is gone; a checkpoint knows of 5 entries")),
    ],
)
async def test_what_a_superuser_changes_is_named(log, statements, broken):
    await log.record([reported(number) for number in range(5)])
    await log.checkpoint()
    assert await log.broken() is None

    await log.tamper(*statements)

    assert await log.broken() == broken


async def test_a_day_that_was_taken_away_breaks_the_one_after_it(log):
    for day in range(3):
        await log.record([reported(day)])
        log.clock.advance(86_400)

    await log.tamper(
        "DELETE FROM audit_entries WHERE day = '2013-03-02'", "DELETE FROM audit_days WHERE day = '2013-03-02'"
    )

    assert await log.broken(date(2013, 3, 3)) == Break(0, "does not begin where 2013-03-01 ended")


async def test_the_oldest_days_cannot_be_taken_away_either(log):
    for day in range(3):
        await log.record([reported(day)])
        await log.checkpoint()
        log.clock.advance(86_400)

    await log.tamper(
        "DELETE FROM audit_entries WHERE day < '2013-03-03'", "DELETE FROM audit_days WHERE day < '2013-03-03'"
    )

    assert await log.broken(date(2013, 3, 1)) == Break(0, "is gone; a checkpoint knows of 1 entries")


async def test_the_service_itself_can_neither_change_nor_delete_an_entry(log):
    await log.record([reported()])

    for statement in ("UPDATE audit_entries SET status = 'x'", "DELETE FROM audit_entries", "TRUNCATE audit_entries"):
        with pytest.raises(Exception, match="neither changed nor deleted"):
            await log.database.execute(statement)


async def test_a_checkpoint_that_nobody_with_the_key_signed_counts_for_nothing(log, objects):
    await log.record([reported()])
    forged = ObjectCheckpoints(objects, Chain(b"x" * 32))
    await CheckpointAudit(log.reads, forged, log.clock, every=timedelta(hours=1))()
    await objects.put("audit/2013-03-01/x.json", b"no json")

    found = (await log.verify())[DAY]
    assert (found.checkpoints, found.broken) == (0, None)


async def test_the_head_is_put_once_an_hour_and_at_the_end_of_a_day(log, objects):
    await log.record([reported(0)])
    await log.checkpoint()
    await log.record([reported(1)])
    await log.checkpoint()
    assert len(await objects.list("audit/")) == 1

    log.clock.advance(13 * 3_600)
    await log.record([reported(2)])
    await log.checkpoint()

    assert await objects.list("audit/") == [
        "audit/2013-03-01/0000000000000000001.json",
        "audit/2013-03-01/0000000000000000002.json",
        "audit/2013-03-02/0000000000000000001.json",
    ]
    assert [found.checkpoints for found in (await log.verify()).values()] == [2, 1]


async def test_pages_by_actor_method_resource_and_time_are_walked_to_the_end(log):
    for number in range(25):
        await log.record([reported(number % 5, method=f"/s/M{number % 2}", actor_id=f"actor-{number % 3}")])
        log.clock.advance(60)
    scope = ("audit",)

    async def walk(**wanted):
        found, token, after = [], "-", None
        while token:
            page = await ListAudit(log.reads)(Wanted(**wanted), PageRequest(4, after), scope=scope)
            found += page.items
            token = page.next_token
            after = (page.items[-1].day.isoformat(), str(page.items[-1].number)) if page.items else None
        return found

    assert len(await walk(team="alpha")) == len(await walk()) == 25
    assert len(await walk(team="alpha", method="/s/M0")) == 13
    assert len(await walk(actor_id="actor-1")) == 8
    assert len(await walk(resource_id="model-4", actor_id="actor-1")) == 2
    assert len(await walk(team="beta")) == 0
    recent = await walk(recorded_from=NOW + timedelta(minutes=20), recorded_to=NOW + timedelta(minutes=22))
    assert [entry.number for entry in recent] == [22, 21]
    with pytest.raises(InvalidArgument):
        await walk(method="/s/M0")


async def test_an_export_has_everything_of_its_days_in_the_order_of_the_chain(log):
    await log.record([reported(number, team="beta" if number % 2 else "alpha") for number in range(2_500)])
    export = ExportAudit(log.reads, log.clock)

    numbers = [entry.number async for entries in export(None, None, "") for entry in entries]
    assert numbers == list(range(1, 2_501))
    assert len([entry async for entries in export(DAY, DAY, "beta") for entry in entries]) == 1_250


async def test_a_month_that_is_old_goes_and_what_stays_is_still_bound_to_it(log, objects):
    await log.record([reported()])
    await log.checkpoint()
    log.clock.advance(65 * 86_400)
    await partitioned(log.database, log.clock.now())
    await log.record([reported(1)])
    await log.checkpoint()

    dropped = await (await partitioned(log.database, log.clock.now(), timedelta(days=31))).drop(log.clock.now())
    await log.checkpoint.forget(timedelta(days=31))

    assert dropped == ["audit_entries_2013_03"]
    assert [found.broken for found in (await log.verify()).values()] == [None]
    assert await objects.list("audit/2013-03") == []
    await log.tamper("UPDATE audit_days SET head = seed WHERE day = '2013-03-01'")
    assert await log.broken(date(2013, 5, 5)) == Break(0, "does not begin where 2013-03-01 ended")


async def test_keys_of_nobody_are_forgotten_and_those_of_people_stay(log):
    await log.record([reported(actor_id=""), reported(actor_id="ada")])

    assert await log.reads.forget_nobodys_keys(NOW + timedelta(days=1), 10) == 1
    assert await log.database.fetchval("SELECT person FROM audit_address_keys") == "ada"
