"""A replica dies at each step of recording calls: a batch is in the chain as a whole or not at all, and once."""

from contextlib import suppress
from datetime import UTC, datetime
from importlib import resources

import asyncpg
from fp_auth.adapters.postgres.audit import PostgresAuditReads, PostgresAuditTransactions
from fp_auth.app.record_audit import RecordAudit, Reported
from fp_auth.domain.audit import Chain, Record
from fp_postgres import Database
from fp_postgres.partitions import Partitioned, Partitions
from fp_testkit.clock import ManualClock

MIGRATIONS = resources.files("fp_auth") / "migrations"
NOW = datetime(2013, 3, 1, 12, tzinfo=UTC)
DAY = NOW.date()
CHAIN = Chain(b"k" * 32)
CONSUMER = "auth-audit"
TABLE = Partitioned("audit_entries", by="date", each="month", ahead=2, behind=0)
BATCH = [
    Reported(
        Record(
            f"01890000-0000-7000-8000-{number:012}",
            NOW,
            "alpha",
            "auth",
            "/s/M",
            "ada",
            "admin",
            "",
            "OK",
            "model",
            b"",
            0,
            "call",
        ),
        "192.0.2.7",
    )
    for number in range(3)
]


async def scenario(crash, url: str) -> None:
    database = crash.wrap(await Database.connect(url, source="auth"))
    record = RecordAudit(PostgresAuditTransactions(database), CHAIN, ManualClock(NOW), consumer=CONSUMER)
    await record(BATCH)


async def test_a_batch_is_chained_whole_or_not_at_all_wherever_a_replica_dies(kill_at, databases):
    async def arrange() -> tuple[str]:
        url = await databases.create(MIGRATIONS, service="auth")
        database = await Database.connect(url, source="auth")
        await Partitions(database, TABLE).ensure(NOW)
        await database.close()
        return (url,)

    async def check(run) -> None:
        database = await Database.connect(*run.arguments, source="auth")
        try:
            assert await database.fetchval("SELECT count(*) FROM audit_entries") in ((3,) if run.completed else (0, 3))
            record = RecordAudit(PostgresAuditTransactions(database), CHAIN, ManualClock(NOW), consumer=CONSUMER)
            await record(BATCH)
            heads = await PostgresAuditReads(database).heads(DAY, DAY)
            assert [head.number for head in heads] == [3]
        finally:
            with suppress(asyncpg.PostgresError):
                await database.close()

    assert await kill_at(scenario, check, arrange=arrange) >= 5
