"""What an operator runs after the bus lost a stream."""

import asyncio
import os
import sys
from datetime import UTC, datetime

from fp_postgres import republish_from
from fp_testkit.suites.consuming import registered

EARLY = datetime(2020, 1, 1, tzinfo=UTC)


async def test_an_operator_publishes_again_from_where_a_service_runs(database, url):
    async with database.transaction() as tx:
        for name in "abc":
            tx.outbox.add(registered(name))
    await database.execute("update fp_outbox set published_at = now()")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "fp_postgres", "republish", "--since", "2020-01-01T00:00Z", "--subject", "fp.models.>"),
        env={**os.environ, "FP_DATABASE_URL": url},
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    assert (process.returncode, said) == (0, b"3 events go to the bus again\n")
    assert await database.fetchval("select count(*) from fp_outbox where published_at is null") == 3


async def test_a_database_without_an_outbox_has_nothing_to_publish_again(databases):
    assert await republish_from(await databases.create(), since=EARLY, subject="fp.>") == 0
