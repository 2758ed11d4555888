"""What `fp doctor` says of what grows: streams of the bus against their limits, tables, and what waits in the spool."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fp_cli.checkup_rows import FAIL, OK, WARN, Row

if TYPE_CHECKING:
    from fp_events.streams.admin import Fill

_MEBIBYTE: Final = 1024**2
# Of a stream that refuses what is new once it is full: then outboxes wait for it, and billing for its usage.
_FULL_WARN, _FULL_FAIL = 0.8, 0.95
# Above what is declared: estimates are not exact, and small tables are nobody's concern.
_MORE: Final = 2.0
_SMALL: Final = 64 * _MEBIBYTE
# What waits when the bus was away for some twenty minutes at 100 predictions a second.
_WAITING_WARN: Final = 64 * _MEBIBYTE
_LARGEST: Final = 3


def streams(found: Sequence["Fill"]) -> Row:
    """One that drops its oldest is full by design, and is named without a word on it."""
    from fp_events.streams import Discard

    by_share = sorted(found, key=lambda each: each.share, reverse=True)
    refusing = [each for each in by_share if each.stream.discard is Discard.NEW]
    worst = refusing[0].share if refusing else 0.0
    result = FAIL if worst >= _FULL_FAIL else WARN if worst >= _FULL_WARN else OK
    shown = ", ".join(_fill(each) for each in by_share[:_LARGEST])
    todo = ""
    if result != OK:
        name = refusing[0].stream.name
        todo = f"full, it takes nothing more: find who does not read it, or set FP_STREAM_{name}_MAX_BYTES"
    return Row("streams", result, f"fullest: {shown}" if shown else "there are none", todo)


def _fill(fill: "Fill") -> str:
    limit = f"of {fill.most / _MEBIBYTE:.0f} MiB" if fill.most else "without a limit"
    return f"{fill.stream.name} {fill.share:.0%} {limit}"


@dataclass(frozen=True, slots=True)
class Table:
    """noun: of the service. held: bytes with its indexes and parts. rows: about."""

    noun: str
    name: str
    held: int
    rows: int


def tables(databases: Mapping[str, str]) -> Row:
    """What the databases hold, against what is declared of each table."""
    total, found = 0, list[Table]()
    try:
        for noun, url in databases.items():
            size, sizes = asyncio.run(_sizes(url))
            total += size
            found += [Table(noun, *each) for each in sizes]
    except Exception as error:  # noqa: BLE001 -- a driver has many; this row says that it could not look
        return Row("tables", WARN, f"a database could not be asked: {type(error).__name__}", "see `fp status`")
    return judged(total, found)


def told(services: Sequence[Any]) -> Iterator[Row]:
    """What services said of themselves (`ServiceGrowth`)."""
    import fp_platform

    declared = fp_platform.tables()
    found = [Table(each.name, table.name, table.bytes, table.rows) for each in services for table in each.tables]
    silent = [each.name for each in services if not each.told or (each.name in declared and not each.tables)]
    if silent:
        yield Row("growth", WARN, f"not told by {', '.join(silent)}", "see whether they take calls, in the rows above")
    yield judged(sum(table.held for table in found), found)
    yield waiting(sum(each.spool_bytes for each in services), "the spool of inference")


def judged(total: int, found: Sequence[Table]) -> Row:
    """total: bytes of all databases."""
    import fp_platform

    shown = ", ".join(
        f"{each.noun}.{each.name} {each.held / _MEBIBYTE:.0f} MiB, about {each.rows:,} rows"
        for each in sorted(found, key=lambda each: each.held, reverse=True)[:_LARGEST]
    )
    declared = fp_platform.tables()
    told = [said for each in found if (said := _beyond(each, declared))]
    todo = "look whether what deletes it runs (docs/operations/growth.md), or expect more than 100 predictions a second"
    detail = f"databases hold {total / _MEBIBYTE:.0f} MiB; " + ("; ".join(told[:_LARGEST]) or f"largest: {shown}")
    return Row("tables", WARN if told else OK, detail, todo if told else "")


def _beyond(table: Table, declared: Mapping[str, Mapping[str, int]]) -> str:
    """What is to be said of a table that is larger than declared, or that nobody declared."""
    own = {**declared.get(table.noun, {}), **declared["fp_postgres"]}
    if table.name not in own:
        return f"{table.noun}.{table.name} is not declared" if table.held > _SMALL else ""
    most = own[table.name]
    if not most or table.held <= max(_MORE * most, _SMALL):
        return ""
    return f"{table.noun}.{table.name} has {table.held / _MEBIBYTE:.0f} MiB where {most / _MEBIBYTE:.0f} are declared"


def spool(folder: Path) -> Row:
    """Predictions that wait for the bus, or were refused by it."""
    return waiting(_bytes(folder.rglob("*")), str(folder))


def waiting(size: int, where: str) -> Row:
    result = WARN if size > _WAITING_WARN else OK
    todo = "" if result == OK else "predictions wait for the bus: see `fp status` and `fp logs inference`"
    return Row("spool", result, f"{size / _MEBIBYTE:.0f} MiB wait in {where}", todo)


def _bytes(files: Iterable[Path]) -> int:
    found = 0
    for file in files:
        try:
            found += file.stat().st_size if file.is_file() else 0
        except FileNotFoundError:
            # Segments go while they are counted.
            continue
    return found


async def _sizes(url: str) -> tuple[int, list[tuple[str, int, int]]]:
    import asyncpg

    connection = await asyncpg.connect(url, timeout=5)
    try:
        size = await connection.fetchval("SELECT pg_database_size(current_database())")
        rows = await connection.fetch(
            """
            SELECT whole.relname, sum(pg_total_relation_size(part.relid)) AS size, sum(part.n_live_tup) AS entries
            FROM pg_stat_user_tables part
            JOIN pg_class whole ON whole.oid = coalesce(pg_partition_root(part.relid), part.relid)
            GROUP BY whole.relname
            """
        )
        return int(size), [(row["relname"], int(row["size"]), int(row["entries"])) for row in rows]
    finally:
        await connection.close()
