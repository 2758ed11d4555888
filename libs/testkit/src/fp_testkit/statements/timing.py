"""How long the statements of a package take when one of their tables is large; for proofs, which alone measure time.

The rows of the statement test name the statements and their arguments, and its filling the rows of each table.
"""

import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from fp_testkit.statements.checking import Table, Uses, literals
from fp_testkit.statements.plans import read
from fp_testkit.statements.texts import collect

if TYPE_CHECKING:
    import asyncpg

RUNS: Final = 40  # of each statement, on one connection
_SIXTH: Final = 5
_INTO: Final = re.compile(r"\s*insert\s+into\s+(\w+)", re.IGNORECASE)
_ROWS: Final = re.compile(r"generate_series\(1, (20\d{3})\)", re.IGNORECASE)
_INDEXES: Final = """
select i.indexrelid::regclass::text as name, replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON ') as definition,
    c.conname as rule, pg_get_constraintdef(c.oid) as ruled
from pg_index i
left join pg_constraint c on c.conindid = i.indexrelid and c.conrelid = i.indrelid and c.contype in ('p', 'u')
where i.indrelid = $1::text::regclass
"""
# Of the table, and those of other tables that refer to it; a partition has its parent's.
_FOREIGN_KEYS: Final = """
select conrelid::regclass::text as on, conname as name, pg_get_constraintdef(oid) as definition from pg_constraint
where contype = 'f' and conparentid = 0 and $1::text::regclass in (conrelid, confrelid)
"""


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds of one statement with one set of arguments.

    first, sixth: the fastest run before the server may change to its plan for all values, and from then on; another
    plan makes every run slower, and a busy machine only some. p95: the 95th percentile of all runs.
    """

    statement: str
    first: float
    sixth: float
    p95: float


def filled(fill: Sequence[str]) -> list[str]:
    """The tables that the filling gives 20,000 rows."""
    found = (_INTO.match(each) for each in fill if _ROWS.search(each))
    return sorted({match.group(1) for match in found if match})


async def grow(connection: "asyncpg.Connection[asyncpg.Record]", fill: Sequence[str], table: str, rows: int) -> None:
    """Give one table that has its filling `rows` rows, by the same statements, and fresh statistics.

    connection: a superuser's: rows whose parents have no more than 20,000 rows are taken as well.
    """
    statements = [each for each in fill if _ROWS.search(each) and (into := _INTO.match(each)) and into[1] == table]
    last = rows // len(statements)
    await connection.execute("set session_replication_role = replica; set maintenance_work_mem = '1GB'")
    # A table that is emptied in the transaction that fills it needs no log, and neither do its indexes.
    async with connection.transaction(), _bare(connection, table):
        await connection.execute(f"create temporary table filled on commit drop as table {table}")
        await connection.execute(f"truncate {table}")
        await connection.execute(f"insert into {table} overriding system value table filled")
        for each in statements:
            await connection.execute(_ROWS.sub(lambda done: f"generate_series({int(done[1]) + 1}, {last})", each))
    await connection.execute(f"vacuum (analyze) {table}")


@asynccontextmanager
async def _bare(connection: "asyncpg.Connection[asyncpg.Record]", table: str) -> AsyncIterator[None]:
    """Drops indexes and foreign keys, and makes them anew: in a tenth of the time that filling indexes takes."""
    foreign = await connection.fetch(_FOREIGN_KEYS, table)
    for key in foreign:
        await connection.execute(f"alter table {key['on']} drop constraint {key['name']}")
    indexes = await connection.fetch(_INDEXES, table)
    for index in indexes:
        if index["rule"]:
            await connection.execute(f"alter table {table} drop constraint {index['rule']}")
        else:
            await connection.execute(f"drop index {index['name']}")
    yield
    for index in indexes:
        if index["rule"]:
            await connection.execute(f"alter table {table} add constraint {index['rule']} {index['ruled']}")
        else:
            await connection.execute(index["definition"])
    for key in foreign:
        rule = f"{key['name']} {key['definition'].removesuffix(' NOT VALID')}"
        await connection.execute(f"alter table {key['on']} add constraint {rule} not valid")


async def measure(
    connection: "asyncpg.Connection[asyncpg.Record]", package: str, rows: Table, table: str
) -> list[Timing]:
    """Run every statement that reads the table, as often as it takes to see the plan for all values; nothing is stored.

    connection: with the settings of a service.
    """
    parts = await connection.fetch("select relid::regclass::text as part from pg_partition_tree($1::text)", table)
    roots = {each["part"]: table for each in parts}
    found = []
    for name, text in collect(package).items():
        given = rows.get(name, ())
        for row in (given,) if isinstance(given, Uses) else given:
            sql = row.sql or text.sql
            if not re.search(rf"\b{table}\b", sql):
                continue
            values = await literals(connection, sql, row)
            call = f"execute statement ({', '.join(values)})" if values else "execute statement"
            async with _prepared(connection, sql):
                plan = read(await connection.fetchval(f"explain (format json) {call}"), roots)
            if table not in plan.tables:
                continue
            async with _prepared(connection, sql):
                spent = [await _once(connection, call) for _ in range(RUNS)]
            p95 = sorted(spent)[int(RUNS * 0.95) - 1]
            found.append(Timing(name, min(spent[:_SIXTH]), min(spent[_SIXTH:]), p95))
    return found


@asynccontextmanager
async def _prepared(connection: "asyncpg.Connection[asyncpg.Record]", sql: str) -> AsyncIterator[None]:
    await connection.execute(f"prepare statement as {sql}")
    try:
        yield
    finally:
        await connection.execute("deallocate statement")


async def _once(connection: "asyncpg.Connection[asyncpg.Record]", call: str) -> float:
    from asyncpg import ForeignKeyViolationError

    transaction = connection.transaction()
    await transaction.start()
    try:
        began = time.perf_counter()
        # Made-up values refer to no row; that is looked up last.
        with suppress(ForeignKeyViolationError):
            await connection.execute(call)
        return (time.perf_counter() - began) * 1_000
    finally:
        await transaction.rollback()
