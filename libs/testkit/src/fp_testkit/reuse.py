"""A database of an earlier test as its template is: a tenth of the work that a copy and its removal take the server."""

import io
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

# What is rubbed out leaves its place behind, and a large one would change what a statement reads.
_MOST_BYTES: Final = 4 * 1024 * 1024
_OURS: Final = (
    "relnamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace, 'pg_toast'::regnamespace)"
)
_TABLES: Final = f"""
select oid::regclass::text as name, relispartition as part,
       coalesce((pg_stat_file(pg_relation_filepath(oid), true)).size, 0) > 0 as used
from pg_class where relkind = 'r' and {_OURS} order by 1
"""  # noqa: S608 -- constants
_SEQUENCES: Final = f"select oid::regclass::text as name from pg_class where relkind = 'S' and {_OURS} order by 1"  # noqa: S608 -- constants
_BYTES: Final = "select pg_database_size(current_database())"
# Everything that a migration, or a test, can change but rows and the values of sequences.
_SHAPE: Final = f"""
select string_agg(line, e'\\n' order by line collate "C") from (
    select concat_ws(' ', oid::regclass, relkind, relowner::regrole, relpersistence, relrowsecurity, relreplident,
                     relacl, reloptions, pg_get_expr(relpartbound, oid), pg_get_viewdef(oid))
    from pg_class where relkind <> 'i' and {_OURS}
    union all
    select concat_ws(' ', attrelid::regclass, attnum, attname, format_type(atttypid, atttypmod), attnotnull,
                     attidentity, attgenerated, attcollation::regcollation, attstattarget, attacl, attoptions,
                     pg_get_expr(adbin, adrelid))
    from pg_attribute join pg_class on pg_class.oid = attrelid and relkind <> 'i'
    left join pg_attrdef on adrelid = attrelid and adnum = attnum where attnum > 0 and {_OURS}
    union all
    select concat_ws(' ', pg_get_indexdef(indexrelid), indisvalid, indisready, indisclustered, indisreplident)
    from pg_index join pg_class on pg_class.oid = indexrelid where {_OURS}
    union all
    select concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid), convalidated) from pg_constraint
    union all
    select concat_ws(' ', pg_get_triggerdef(oid), tgenabled) from pg_trigger where not tgisinternal
    union all
    select pg_get_functiondef(oid) from pg_proc
    where prokind <> 'a' and pronamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
    union all
    select concat_ws(' ', oid::regtype, typtype, typowner::regrole) from pg_type
    where typnamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
    union all select concat_ws(' ', nspname, nspacl) from pg_namespace where nspname not like 'pg\\_%'
    union all select concat_ws(' ', extname, extversion) from pg_extension
    union all
    select concat_ws(' ', setrole, setconfig) from pg_db_role_setting
    where setdatabase = (select oid from pg_database where datname = current_database())
) as lines (line)
"""  # noqa: S608 -- constants

# Every such change writes a row of these, by another transaction than the template's, or takes one away: the sum is
# read in a third of the time that the shape takes.
_CATALOG: Final = """
select sum(hashint8extended(transaction::text::bigint, catalog::bigint)) from (
    select xmin, tableoid from pg_class where oid >= 16384
    union all select xmin, tableoid from pg_attribute where attrelid >= 16384
    union all select xmin, tableoid from pg_attrdef
    union all select xmin, tableoid from pg_index where indexrelid >= 16384
    union all select xmin, tableoid from pg_constraint
    union all select xmin, tableoid from pg_trigger
    union all select xmin, tableoid from pg_rewrite where oid >= 16384
    union all select xmin, tableoid from pg_proc where oid >= 16384
    union all select xmin, tableoid from pg_type where oid >= 16384
    union all select xmin, tableoid from pg_namespace where nspname not like 'pg\\_%'
    union all select xmin, tableoid from pg_extension
    union all select xmin, tableoid from pg_db_role_setting
    where setdatabase = (select oid from pg_database where datname = current_database())
) as rows (transaction, catalog)
"""


@dataclass(frozen=True, slots=True)
class State:
    """What a migrated database is. rows: those of its tables that have any, as COPY writes them.

    catalog: a sum over the rows that describe it, which a copy of it has too. sequences: their last value, and whether
    it was given out.
    """

    catalog: Decimal
    shape: str
    tables: frozenset[str]
    rows: dict[str, bytes]
    sequences: dict[str, tuple[int, bool]]
    bytes: int


async def read(connection: "Connection") -> State:
    """What this database is."""
    tables = [row["name"] for row in await connection.fetch(_TABLES)]
    return State(
        await connection.fetchval(_CATALOG),
        await connection.fetchval(_SHAPE),
        frozenset(tables),
        {name: rows for name in tables if (rows := await _copied(connection, name))},
        {row["name"]: await _value(connection, row["name"]) for row in await connection.fetch(_SEQUENCES)},
        await connection.fetchval(_BYTES),
    )


async def restore(connection: "Connection", state: State) -> bool:
    """Whether the database is as `state` says again; one of another shape, or a large one, is left as it is.

    connection: a superuser's, the only one.
    """
    tables = await connection.fetch(_TABLES)
    parts = [row["name"] for row in tables if row["part"] and row["name"] not in state.tables]
    if parts:
        # A service makes the parts of its next days when it starts.
        await connection.execute(f"drop table {', '.join(parts)}")
    if await connection.fetchval(_BYTES) - state.bytes > _MOST_BYTES or not await _has_shape(connection, state):
        return False
    async with connection.transaction():
        await connection.execute(_emptying(state, [row["name"] for row in tables if row["used"]]))
        for name, rows in state.rows.items():
            await connection.copy_to_table(name, source=io.BytesIO(rows))
    return True


def _emptying(state: State, used: Iterable[str]) -> str:
    """In one message: no trigger, no foreign key, all tables are emptied, all sequences as they were.

    used: those with a file that is not empty. The server makes itself a picture of each one that it has to open.
    """
    return "; ".join(
        [
            "set local session_replication_role = replica",
            *(f"delete from only {name}" for name in sorted(state.tables.intersection(used))),  # noqa: S608 -- names of tables
            *(f"select setval('{name}', {value}, {given})" for name, (value, given) in state.sequences.items()),
        ]
    )


async def _has_shape(connection: "Connection", state: State) -> bool:
    """What was changed and changed back has other rows and the same shape."""
    unchanged = await connection.fetchval(_CATALOG) == state.catalog
    return unchanged or bool(await connection.fetchval(_SHAPE) == state.shape)


async def _copied(connection: "Connection", table: str) -> bytes:
    rows = io.BytesIO()
    await connection.copy_from_table(table, output=rows)
    return rows.getvalue()


async def _value(connection: "Connection", sequence: str) -> tuple[int, bool]:
    row = await connection.fetchrow(f"select last_value, is_called from {sequence}")  # noqa: S608 -- a name of a sequence
    assert row is not None
    return row["last_value"], row["is_called"]
