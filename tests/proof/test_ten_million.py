"""Every statement that reads a table, with ten million rows in it: one table at a time, so that the disk holds them.

Statements, arguments and rows are those of each service's tests/integration/test_statements.py. A table that, by
docs/operations/growth.toml, never has as many as 100,000 rows in ten years is given a million. FP_PROOF_ROWS sets the
greatest number; `make proof NAME=ten_million PART=experiment-runs` runs one table, PART=all every one.
"""

import importlib.util
import os
import time
import tomllib
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
import pytest_asyncio
from fp_postgres import connections
from fp_testkit.statements import timing

pytestmark = [pytest.mark.proof, pytest.mark.asyncio(loop_scope="module")]
ROOT = Path(__file__).resolve().parents[2]
ROWS = int(os.environ.get("FP_PROOF_ROWS", "10000000"))
SMALLER = 1_000_000
MANY = 100_000  # in ten years
# A row a day at most: dates end before a million days.
FEWEST = {"auth.audit_days"}
TEN_YEARS = 3_650
# Their number depends on something else than the days that pass: an outage, labels that wait, an older code.
LARGE_AT_TIMES = {
    *("billing.usage", "monitor.outcomes", "monitor.predictions_before", "postgres.fp_commands", "postgres.fp_outbox"),
}
# Whoever joins another table reads on while that one lacks its rows.
WITH = {
    "featurestore.offline_copies": ["feature_views"],
    "pipeline.pipelines": ["pipeline_revisions"],
    "registry.production_tenures": ["versions"],
}
MOST = 100.0  # milliseconds, 95th percentile
HOUR = 3_600.0


def statement_tests():
    """The module of each statement test, by the noun of its service."""
    for path in sorted(ROOT.glob("*/*/tests/integration/test_statements.py")):
        noun = path.parents[2].name
        spec = importlib.util.spec_from_file_location(f"statements_of_{noun}", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        if hasattr(module, "FILL") and hasattr(module, "TABLE"):
            yield noun, module


MODULES = dict(statement_tests())
# Those that are small by their nature are read whole.
TABLES = [
    (noun, table)
    for noun, module in MODULES.items()
    for table in timing.filled(module.FILL)
    if table not in getattr(module, "SMALL", ())
]


def rows_of(noun, table):
    """How many it is given."""
    name = f"{noun}.{table}"
    if name in FEWEST:
        return min(ROWS, MANY)
    return ROWS if name in LARGE_AT_TIMES or lasting()[table] >= MANY else min(ROWS, SMALLER)


def lasting():
    """How many rows of each table are there after ten years."""
    source = tomllib.loads((ROOT / "docs" / "operations" / "growth.toml").read_text())
    tables = [entry for rows in source["rows"] if rows["kind"] == "table" for entry in rows["entries"]]
    return {entry["name"]: entry["daily"] * min(entry.get("days", TEN_YEARS), TEN_YEARS) for entry in tables}


class Copies:
    """Databases with the filling of a service, each a copy of one that was filled once."""

    def __init__(self, databases) -> None:
        self._databases = databases
        self._filled = {}

    @asynccontextmanager
    async def copy(self, noun, admin_url):
        """The URL of one, which goes with the body."""
        if noun not in self._filled:
            self._filled[noun] = await filled(self._databases, noun, admin_url)
        parts = urlsplit(self._filled[noun])
        template, name = parts.path[1:], f"{parts.path[1:]}_copy"
        admin = await asyncpg.connect(admin_url, command_timeout=HOUR)
        try:
            await admin.execute(
                f'create database "{name}" owner {parts.username} template "{template}" strategy file_copy'
            )
            yield urlunsplit(parts._replace(path=f"/{name}"))
        finally:
            await admin.execute(f'drop database if exists "{name}" with (force)')
            await admin.close()


async def filled(databases, noun, admin_url):
    """The URL of a migrated database, with what the service's own test makes in it and its rows."""
    module = MODULES[noun]
    migrations = getattr(module, "MIGRATIONS", ROOT / "libs" / "postgres" / "tests" / "integration" / "migrations")
    url = await databases.create(migrations, service=noun, fresh=True)
    if hasattr(module, "prepare"):
        await module.prepare(url)
    async with superuser(admin_url, url) as connection:
        for statement in module.FILL:
            await connection.execute(statement)
        await connection.execute("vacuum analyze")
    return url


@asynccontextmanager
async def superuser(admin_url, url):
    connection = await asyncpg.connect(admin_url, database=urlsplit(url).path[1:], command_timeout=HOUR)
    try:
        yield connection
    finally:
        await connection.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def copies(database_server):
    yield Copies(database_server)
    await database_server.drop()


@pytest.mark.parametrize(("noun", "table"), TABLES, ids=["-".join(each) for each in TABLES])
async def test_no_statement_is_slow_when_its_table_is_large(copies, real_stores, noun, table):
    module, rows = MODULES[noun], rows_of(noun, table)
    admin_url = real_stores.endpoints("postgres").postgres_admin_url
    async with copies.copy(noun, admin_url) as url:
        began = time.perf_counter()
        async with superuser(admin_url, url) as connection:
            for each in (table, *WITH.get(f"{noun}.{table}", [])):
                await timing.grow(connection, module.FILL, each, rows)
            gibibytes = await connection.fetchval("select pg_database_size(current_database())") / 2**30
        grown = time.perf_counter()
        async with connections.dedicated(url, name="proof") as connection:
            # What lasts as long as a connection has to be on this one as well.
            for statement in module.FILL:
                if "TEMPORARY" in statement:
                    await connection.execute(statement)
            timings = await timing.measure(connection, f"fp_{noun}", module.TABLE, table)
    slow = [each for each in timings if each.p95 > MOST or each.sixth > max(MOST / 10, 2 * each.first)]
    assert timings, "nothing reads this table"
    slowest = max(timings, key=lambda each: each.p95)
    # Of what takes less than a millisecond it says nothing.
    ratio = max(max(each.sixth, 1) / max(each.first, 1) for each in timings)
    print(
        f"\n| {noun}.{table} | {rows:,} | {gibibytes:.1f} | {len(timings)} | {slowest.p95:.1f} | {slowest.statement} "
        f"| {ratio:.1f} | {grown - began:.0f} + {time.perf_counter() - grown:.0f} |",
        flush=True,
    )
    assert not slow, slow
