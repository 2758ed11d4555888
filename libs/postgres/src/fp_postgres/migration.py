"""Forward-only migrations in plain SQL."""

import asyncio
import hashlib
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fp_kernel import Aborted, FailedPrecondition
from fp_telemetry import get_logger

from fp_postgres import connections
from fp_postgres.failures import LOST_RACE, translated

if TYPE_CHECKING:
    from asyncpg import Connection

log = get_logger(__name__)

_FILE: Final = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
_LOCK: Final = 0x66705F6D696772  # one migration at a time in a database
_PATIENCE: Final = 60.0  # seconds for another replica's migrations
_LOOK_AGAIN: Final = 0.1  # seconds
_SHORT: Final = "set lock_timeout = '5s'; set statement_timeout = '60s'"
_UNHURRIED: Final = "set lock_timeout = '5s'; set statement_timeout = '1h'"
_OUTSIDE: Final = "-- outside of a transaction"
_LONGEST: Final = 3_605.0  # seconds; the server gives up first
_TABLE: Final = """
create table if not exists fp_migrations (
    service text not null,
    number integer not null,
    name text not null,
    checksum bytea not null,
    applied_at timestamptz not null default now(),
    primary key (service, number)
)
"""
_CONCURRENT: Final = re.compile(
    r"create\s+(?:unique\s+)?index\s+concurrently\s+(?:if\s+not\s+exists\s+)?(\w+)", re.IGNORECASE
)
_ATTEMPTS: Final = 3
_INVALID: Final = """
select exists (select from pg_index where indexrelid = to_regclass(quote_ident($1)) and not indisvalid)
"""
_APPLIED: Final = "select number, checksum from fp_migrations where service = $1"
_NOTE: Final = "insert into fp_migrations (service, number, name, checksum) values ($1, $2, $3, $4)"


@dataclass(frozen=True, slots=True)
class _Migration:
    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> bytes:
        return hashlib.sha256("\n".join(self.sql.splitlines()).encode()).digest()


async def migrate(database_url: str, folder: Traversable | Path, *, service: str) -> None:
    """Apply what is missing of this library's own tables and then of `folder` (`0001_name.sql`, `0002_...`).

    Each file is one transaction with lock and statement time-outs, so that a migration that cannot get its lock fails
    and does not stop the traffic behind it; replicas that start together wait for each other (a minute at most).
    A file whose first line is `-- outside of a transaction` holds one statement that must not be in one, such as CREATE
    INDEX CONCURRENTLY IF NOT EXISTS. It may take an hour and must be repeatable: it is run again after a failure. What
    such an index leaves when it fails, an invalid index of its name that IF NOT EXISTS would take for the real one, is
    dropped first.
    A database that is ahead of the code is left alone: the code before it must run with it.
    Raises FailedPrecondition when an applied file was changed or is missing or the numbers have a gap, Unavailable when
    the database is away, Aborted when a lock could not be had in time.
    """
    own = _read(resources.files("fp_postgres") / "migrations", "fp_postgres")
    wanted = {"fp_postgres": own, service: _read(folder, service)}
    async with connections.dedicated(database_url, name=f"{service} migrate", command_timeout=_LONGEST) as connection:
        with translated:
            await _one_at_a_time(connection)
            await connection.execute(_SHORT)
            await connection.execute(_TABLE)
            for name, migrations in wanted.items():
                await _apply(connection, name, migrations)


async def _one_at_a_time(connection: "Connection[Any]") -> None:
    """Raises Aborted when another replica is still at work after a minute.

    Asked again and again: a session that waits inside the server holds a snapshot, and CREATE INDEX CONCURRENTLY of the
    replica at work waits for every snapshot to end.
    """
    loop = asyncio.get_running_loop()
    last = loop.time() + _PATIENCE
    while not await connection.fetchval("select pg_try_advisory_lock($1)", _LOCK):
        if loop.time() > last:
            raise Aborted("another replica is migrating the database", retry_after=5.0)
        await asyncio.sleep(random.uniform(0.5, 1.5) * _LOOK_AGAIN)  # noqa: S311 -- spreads load, guards nothing


async def _apply(connection: "Connection[Any]", service: str, migrations: Mapping[int, _Migration]) -> None:
    applied = {row["number"]: bytes(row["checksum"]) for row in await connection.fetch(_APPLIED, service)}
    newest = max(migrations, default=0)
    for number, checksum in applied.items():
        if number > newest:
            continue
        if migrations[number].checksum != checksum:
            raise _refused(service, f"{migrations[number].name} was changed after it was applied")
    for number in sorted(migrations.keys() - applied.keys()):
        migration = migrations[number]
        if migration.sql.startswith(_OUTSIDE):
            await connection.execute(_UNHURRIED)
            await _alone(connection, migration)
            await connection.execute(_SHORT)
            await connection.execute(_NOTE, service, number, migration.name, migration.checksum)
        else:
            async with connection.transaction():
                await connection.execute(migration.sql)
                await connection.execute(_NOTE, service, number, migration.name, migration.checksum)
        log.info("migration applied", owner=service, migration=migration.name)


async def _alone(connection: "Connection[Any]", migration: _Migration) -> None:
    """Run the statement of a file that is outside of a transaction, again when it lost a race."""
    index = match[1].lower() if (match := _CONCURRENT.search(migration.sql)) else ""
    for attempt in range(1, _ATTEMPTS + 1):
        if index and await connection.fetchval(_INVALID, index):
            log.warning("an index that was never finished is dropped", index=index)
            await connection.execute(f'drop index concurrently "{index}"')
        try:
            await connection.execute(migration.sql)
        except LOST_RACE as error:
            if attempt == _ATTEMPTS:
                raise
            log.warning("migration is tried again", migration=migration.name, reason=type(error).__name__)
        else:
            return


def _read(folder: Traversable | Path, service: str) -> dict[int, _Migration]:
    found: dict[int, _Migration] = {}
    for file in folder.iterdir():
        if not file.name.endswith(".sql"):
            continue
        if not (match := _FILE.fullmatch(file.name)):
            raise _refused(service, f"{file.name} is not named 0001_what_it_does.sql")
        number = int(match[1])
        if number in found:
            raise _refused(service, f"{file.name} and {found[number].name} have one number")
        found[number] = _Migration(number, file.name, file.read_text(encoding="utf-8"))
    if sorted(found) != list(range(1, len(found) + 1)):
        raise _refused(service, "the numbers of the files have a gap")
    return found


def _refused(service: str, why: str) -> FailedPrecondition:
    return FailedPrecondition(f"migrations of {service}: {why}", reason="BAD_MIGRATION")
