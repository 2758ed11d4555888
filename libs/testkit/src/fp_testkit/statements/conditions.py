"""What the planner finds in a database that has run for months, and not in one that was filled a moment ago."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from fp_testkit.patience import PATIENCE

if TYPE_CHECKING:
    import asyncpg

_DIVIDED: Final = """
select p.partrelid::regclass::text as name, format_type(a.atttypid, null) as kind
from pg_partitioned_table p join pg_attribute a on a.attrelid = p.partrelid and a.attnum = p.partattrs[0]
where p.partstrat = 'r' and p.partnatts = 1
"""
_QUIET: Final = """
do $$ declare name regclass; begin
    for name in select oid from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace loop
        execute format('alter table %s set (autovacuum_enabled = off)', name);
    end loop;
end $$
"""
_OTHERS: Final = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
_POLL: Final = 0.02
# Bounds by the kind of the key, which no row of a filling reaches.
_BEYOND: Final = {
    "uuid": [f"ff00000{n}-0000-0000-0000-000000000000" for n in range(3)],
    "integer": [str(2_000_000_000 + n) for n in range(3)],
    "text": [f"ff00000{n}" for n in range(3)],
    "date": [f"300{n}-01-01" for n in range(3)],
    "timestamp with time zone": [f"300{n}-01-01T00:00:00Z" for n in range(3)],
}


@asynccontextmanager
async def old_snapshot(url: str) -> AsyncIterator[None]:
    """A transaction, such as a dump, that began before all that the body writes.

    It keeps VACUUM from marking pages: reading an index alone is then no cheaper than reading its rows as well, and the
    planner may choose another index.
    """
    from fp_postgres import connections

    async with (
        connections.dedicated(url, name="snapshot", command_timeout=PATIENCE) as connection,
        connection.transaction(isolation="repeatable_read"),
    ):
        await connection.execute("select from pg_class")
        yield


async def without_autovacuum(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """From now on only the test itself vacuums and analyzes these tables.

    Where a filling takes long, autovacuum would look at them in the middle of it, and its snapshot would keep the
    test's VACUUM from marking their pages.
    """
    await connection.execute(_QUIET)


async def alone(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Until nobody else is in this database: a session that ends, and autovacuum, have snapshots as well.

    Raises TimeoutError.
    """
    async with asyncio.timeout(PATIENCE):
        while await connection.fetchval(_OTHERS):  # noqa: ASYNC110 -- the server says it to nobody
            await asyncio.sleep(_POLL)


async def add_empty_partitions(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Two for each divided table, as those that are made ahead of their days.

    Nobody has looked at them, so the planner takes each for ten pages. Raises KeyError for a key of another kind.
    """
    for table in await connection.fetch(_DIVIDED):
        first, second, end = _BEYOND[table["kind"]]
        for number, (low, high) in enumerate(((first, second), (second, end))):
            await connection.execute(
                f"create table {table['name']}_empty_{number} partition of {table['name']}"
                f" for values from ('{low}') to ('{high}')"
            )
