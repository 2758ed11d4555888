"""The check of a table of statements against a filled database."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from fp_testkit.patience import PATIENCE
from fp_testkit.statements.conditions import add_empty_partitions, alone, old_snapshot, without_autovacuum
from fp_testkit.statements.plans import Plan, read
from fp_testkit.statements.texts import Text, collect

if TYPE_CHECKING:
    import asyncpg

ROWS: Final = 20_000  # in each table that is not small
_MOST: Final = 100  # rows that a statement may look at unless it says more
_RUNS: Final = 6  # the server may choose a plan for all values at the sixth
# Partitions, and their indexes, go by the names of the table and the index that they belong to.
_PARTITIONS: Final = """
select part.relname::text as part, pg_partition_root(part.oid)::regclass::text as root
from pg_class part where part.relispartition
"""
_SETTINGS: Final = "set enable_seqscan = off; set jit = off; set max_parallel_workers_per_gather = 0"
_MADE_UP: Final = {
    "bool": "true",
    "bytea": "\\x00",
    "date": "2013-03-01",
    "interval": "1 hour",
    "json": "{}",
    "jsonb": "{}",
    "text": "none",
    "varchar": "none",
    "timestamptz": "2013-03-01T12:00:00Z",
    "uuid": "01890000-0000-7000-8000-000000000000",
}


@dataclass(frozen=True, slots=True)
class Uses:
    """What a statement is expected to do; made by `uses`."""

    indexes: frozenset[str]
    arguments: tuple[Any, ...]
    at_most: int
    sorts: str
    sql: str
    unmarked: frozenset[str]


def uses(
    indexes: str, *arguments: Any, at_most: int = _MOST, sorts: str = "", sql: str = "", unmarked: str = ""
) -> Uses:
    """indexes: their names, with spaces between; all that the plan uses, "" for none.

    arguments: with them the statement really runs (and is rolled back), must find a row and may look at `at_most`
    rows; without them it is only planned. A statement with LIMIT needs them.
    sorts: why it may sort rows of a table. sql: an example of a statement that is composed while the service runs.
    unmarked: indexes that may be used instead while an old snapshot keeps VACUUM from marking pages.
    """
    return Uses(frozenset(indexes.split()), arguments, at_most, sorts, sql, frozenset(unmarked.split()))


Table = Mapping[str, Uses | Sequence[Uses]]


async def check(
    package: str, url: str, table: Table, *, fill: Sequence[str] = (), small: Collection[str] = frozenset()
) -> None:
    """Raises AssertionError naming every statement that has no row, and every one that does not what its row says.

    package: its whole source is searched. url: of a migrated database. table: by the names of
    `fp_testkit.statements.texts`; several rows for a statement with several forms.
    fill: SQL that gives each table that is read 20,000 rows. small: tables that never grow, and may be read whole.
    """
    from fp_postgres import connections

    texts = collect(package)
    faults = [f"{name}: no such statement" for name in table.keys() - texts.keys()]
    missing = []
    async with connections.dedicated(url, name="statements", command_timeout=PATIENCE) as connection:
        await connection.execute(_SETTINGS)
        await without_autovacuum(connection)
        async with old_snapshot(url):
            for statement in fill:
                await connection.execute(statement)
            await without_autovacuum(connection)
            await connection.execute("analyze")
            await add_empty_partitions(connection)
            roots = {row["part"]: row["root"] for row in await connection.fetch(_PARTITIONS)}
            session = _Session(connection, small, roots)
            for name, text in texts.items():
                faults += [f"{name}: {each}" for row in _rows(table, name) for each in await session.other(text, row)]
        await alone(connection)
        await connection.execute("vacuum analyze")
        for name, text in texts.items():
            if not _rows(table, name):
                missing.append(await session.proposal(name, text))
            for row in _rows(table, name):
                faults += [f"{name}: {fault}" for fault in await session.faults(text, row)]
        faults += await session.thin_tables()
    if missing:
        faults.append("statements without a row; look at each plan before you take it:\n" + "\n".join(missing))
    assert not faults, "\n".join(faults)


def _rows(table: Table, name: str) -> Sequence[Uses]:
    rows = table.get(name, ())
    return (rows,) if isinstance(rows, Uses) else rows


class _Session:
    """One connection, which prepares, plans and runs."""

    def __init__(
        self, connection: "asyncpg.Connection[asyncpg.Record]", small: Collection[str], roots: Mapping[str, str]
    ) -> None:
        self._connection = connection
        self._small = small
        self._roots = roots
        self._divided = frozenset(roots.values())
        self._read: set[str] = set()

    async def proposal(self, name: str, text: Text) -> str:
        """The row as it may be."""
        if text.pattern:
            return f'    "{name}": uses("", sql="..."),  # composed: {text.sql!r}'
        try:
            (plan,) = await self._plans(text.sql, uses(""), runs=1, run=False, generic=False)
        except Exception as error:  # noqa: BLE001 -- shown to who writes the table
            return f'    "{name}": uses(""),  # {type(error).__name__}: {error}'
        remark = f"  # reads all of {', '.join(plan.whole)}" if plan.whole - set(self._small) else ""
        return f'    "{name}": uses("{" ".join(sorted(plan.indexes))}"),{remark}{"  # sorts" if plan.sorted else ""}'

    async def other(self, text: Text, row: Uses) -> list[str]:
        """How it is planned otherwise than its row says, where the tables are not as `faults` finds them."""
        try:
            plans = await self._plans(row.sql or text.sql, row, runs=1, run=False, generic=True)
        except Exception:  # noqa: BLE001 -- `faults` reports it
            return []
        instead = replace(row, indexes=row.unmarked or row.indexes)
        found = sorted(
            {fault for plan in plans for fault in self._planned(plan, instead if plan.indexes == row.unmarked else row)}
        )
        return [f"{fault}, with an old snapshot open and empty partitions" for fault in found]

    async def _sorts_for_empty_parts(self, sql: str, row: Uses, plans: Sequence[Plan]) -> bool:
        """Whether the planner sorts a divided table rather than look into the index of each empty part.

        Reading a whole empty part costs nothing, which it cannot see while it may read no table from end to end.
        """
        if not any(plan.tables & self._divided for plan in plans):
            return False
        await self._connection.execute("set enable_seqscan = on")
        try:
            *_, generic = await self._plans(sql, row, runs=1, run=False, generic=True)
        finally:
            await self._connection.execute("set enable_seqscan = off")
        return generic.sorted

    async def faults(self, text: Text, row: Uses) -> list[str]:
        """What is wrong with one statement."""
        if bool(row.sql) != text.pattern or (row.sql and not text.fits(row.sql)):
            return ["`sql` is for a statement that is composed while the service runs, and must fit its source"]
        sql = row.sql or text.sql
        if not row.arguments and "$1" in sql and " limit " in f" {sql.lower()} ":
            return ["a statement with LIMIT needs arguments that find rows"]
        try:
            plans = await self._plans(sql, row, runs=_RUNS, run=bool(row.arguments), generic=True)
        except Exception as error:  # noqa: BLE001 -- reported with the name of the statement
            return [f"{type(error).__name__}: {error}"]
        self._read |= {table for plan in plans for table in plan.tables}
        found = sorted({fault for plan in plans for fault in self._of(plan, row, sql)})
        if not row.sorts and await self._sorts_for_empty_parts(sql, row, plans):
            found.append("sorts rows of a divided table, in the plan for all values")
        return found

    def _of(self, plan: Plan, row: Uses, sql: str) -> Iterator[str]:
        yield from self._planned(plan, row)
        if plan.touched > row.at_most:
            yield f"looks at {plan.touched} rows, more than {row.at_most}"
        if row.arguments and plan.tables and not plan.touched and not sql.lower().startswith("insert"):
            yield "finds nothing with its arguments"

    def _planned(self, plan: Plan, row: Uses) -> Iterator[str]:
        if plan.indexes != row.indexes:
            yield f"uses {sorted(plan.indexes)}, not {sorted(row.indexes)}"
        if whole := plan.whole - set(self._small):
            yield f"reads all of {sorted(whole)}"
        if plan.sorted and not row.sorts:
            yield "sorts rows of a table"

    async def thin_tables(self) -> list[str]:
        """Tables with so few rows that a plan says nothing."""
        counted = {
            name: await self._connection.fetchval(f'select count(*) from "{name}"')  # noqa: S608 -- a name out of a plan
            for name in sorted(self._read - set(self._small))
        }
        return [f"{name} has {count} rows, not {ROWS}: fill it" for name, count in counted.items() if count < ROWS]

    async def _plans(self, sql: str, row: Uses, *, runs: int, run: bool, generic: bool) -> list[Plan]:
        """The plans of the first runs, and the one for all values when `generic` asks for it. run: it really runs."""
        values = await literals(self._connection, sql, row)
        await self._connection.execute(f"prepare statement as {sql}")
        try:
            call = f"execute statement ({', '.join(values)})" if values else "execute statement"
            plans = [await self._explained(call, run=run)]
            # It runs with the first plan and the last one; those between are compared with what their row says.
            between = [await self._explained(call, run=False) for _ in range(runs - 2)]
            plans += [replace(plan, touched=plans[0].touched) for plan in between]
            if runs > 1:
                plans.append(await self._explained(call, run=run))
            await self._connection.execute("set plan_cache_mode = force_generic_plan")
            return [*plans, await self._explained(call, run=run)] if generic else plans
        finally:
            await self._connection.execute("reset plan_cache_mode; deallocate statement")

    async def _explained(self, call: str, *, run: bool) -> Plan:
        option = "analyze, timing off, " if run else ""
        transaction = self._connection.transaction()
        await transaction.start()
        try:
            return read(await self._connection.fetchval(f"explain ({option}format json) {call}"), self._roots)
        finally:
            await transaction.rollback()


async def literals(connection: "asyncpg.Connection[asyncpg.Record]", sql: str, row: Uses) -> list[str]:
    """The arguments of a statement as SQL; made up where the row has none.

    Raises ValueError when their number does not fit.
    """
    kinds = (await connection.prepare(sql)).get_parameters()
    if not row.arguments:
        return [_made_up(kind.name) for kind in kinds]
    if len(kinds) != len(row.arguments):
        raise ValueError(f"{len(row.arguments)} arguments for {len(kinds)} parameters")
    if not kinds:
        return []
    quoted = ", ".join(f"quote_nullable((${n}::{kind.name})::text)" for n, kind in enumerate(kinds, 1))
    return list(await connection.fetchrow(f"select {quoted}", *row.arguments) or ())


def _made_up(kind: str) -> str:
    inner = _MADE_UP.get(kind.removesuffix("[]"), "1")
    return f"'{{{inner}}}'" if kind.endswith("[]") else f"'{inner}'"
