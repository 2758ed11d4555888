"""Every statement that reads a table, with ten million rows in it: one table at a time, so that the disk holds them.

Statements, arguments and rows are those of each service's tests/integration/test_statements.py. FP_PROOF_ROWS sets the
number of rows; `make proof NAME=ten_million PART=experiment-runs` runs one table.
"""

import importlib.util
import json
import os
import time
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from fp_postgres import connections
from fp_testkit.statements import timing

pytestmark = pytest.mark.proof
ROOT = Path(__file__).resolve().parents[2]
ROWS = int(os.environ.get("FP_PROOF_ROWS", "10000000"))
MOST = 100.0  # milliseconds, 95th percentile
HOUR = 3_600.0
# A table that is not divided has no tree.
SIZE = """
select coalesce(sum(pg_total_relation_size(relid)), pg_total_relation_size($1::text::regclass))::bigint
from pg_partition_tree($1::text)
"""


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
TABLES = [(noun, table) for noun, module in MODULES.items() for table in timing.filled(module.FILL)]


async def empty(databases, noun, module):
    """A migrated database, with what the service's own test makes in it before the rows."""
    migrations = getattr(module, "MIGRATIONS", ROOT / "libs" / "postgres" / "tests" / "integration" / "migrations")
    url = await databases.create(migrations, service=noun)
    if hasattr(module, "prepare"):
        await module.prepare(url)
    return url


@pytest.mark.parametrize(("noun", "table"), TABLES, ids=["-".join(each) for each in TABLES])
async def test_no_statement_is_slow_when_its_table_is_large(databases, stores, noun, table):
    module, began = MODULES[noun], time.perf_counter()
    url = await empty(databases, noun, module)
    admin = await asyncpg.connect(stores.postgres_admin_url, database=urlsplit(url).path[1:], command_timeout=HOUR)
    try:
        for statement in module.FILL:
            await admin.execute(statement)
        await admin.execute("vacuum analyze")
        await timing.grow(admin, module.FILL, table, ROWS)
        size = await admin.fetchval(SIZE, table)
    finally:
        await admin.close()
    filled = time.perf_counter()
    async with connections.dedicated(url, name="proof") as connection:
        # What lasts as long as a connection has to be on this one as well.
        for statement in module.FILL:
            if "TEMPORARY" in statement:
                await connection.execute(statement)
        timings = await timing.measure(connection, f"fp_{noun}", module.TABLE, table)
    slow = [each for each in timings if each.p95 > MOST or each.sixth > max(MOST / 10, 5 * each.first)]
    print(json.dumps({
        "proof": "ten million",
        "table": f"{noun}.{table}",
        "rows": ROWS,
        "gib": round(size / 2**30, 2),
        "statements": len(timings),
        "slowest": [[each.statement, round(each.first, 1), round(each.sixth, 1), round(each.p95, 1)]
                    for each in sorted(timings, key=lambda each: -each.p95)[:3]],
        "seconds": [round(filled - began), round(time.perf_counter() - filled)],
    }))  # fmt: skip
    assert timings, "nothing reads this table"
    assert not slow, slow
