"""Forward-only migrations in plain SQL."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

import asyncpg
from asyncpg import Connection, Record
from fp_kernel import FailedPrecondition
from fp_telemetry import get_logger

from fp_postgres.failures import connecting, translated

_log = get_logger(__name__)

FOUNDATION: Final = "foundation"
_NAME: Final = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
_CONNECT_SECONDS: Final = 10.0
# Chosen once; replicas that start together wait for each other at it.
_LOCK: Final = 0x_F09E_9014
_LOCK_TIMEOUT: Final = "5s"
_STATEMENT_TIMEOUT: Final = "60s"

_TABLE: Final = """
    create table if not exists migrations (
        service text not null,
        number int not null,
        name text not null,
        checksum text not null,
        applied_at timestamptz not null default now(),
        primary key (service, number)
    )
"""
_APPLIED: Final = "select number, checksum from migrations where service = $1"
_NOTE: Final = "insert into migrations (service, number, name, checksum) values ($1, $2, $3, $4)"


@dataclass(frozen=True, slots=True)
class Migration:
    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


async def migrate(database_url: str, folder: Traversable | Path, *, service: str) -> None:
    """Apply what is missing of this library's own tables and then of `folder` (`0001_name.sql`, `0002_...`).

    Each file is one transaction with lock and statement time-outs; replicas that start together wait for each other.
    Raises FailedPrecondition when an applied file was changed or the numbers have a gap, Unavailable when the database
    is away, Aborted when a lock could not be had in time.
    """
    sets = [(FOUNDATION, read(files(__package__) / "migrations")), (service, read(folder))]
    with connecting():
        connection = await asyncpg.connect(database_url, timeout=_CONNECT_SECONDS)
    try:
        with translated():
            await connection.execute("select pg_advisory_lock($1)", _LOCK)
            await connection.execute(_TABLE)
            for name, migrations in sets:
                await _apply(connection, name, migrations)
    finally:
        # Closing ends the session and with it the lock.
        with connecting():
            await connection.close()


def read(folder: Traversable | Path) -> list[Migration]:
    """The files of a folder in order. Raises FailedPrecondition for a gap, a repeated number or a bad name."""
    found = sorted(_migrations(folder), key=lambda migration: migration.number)
    for expected, migration in enumerate(found, start=1):
        if migration.number != expected:
            raise FailedPrecondition(f"migration {expected:04} is missing or repeated before {migration.name}")
    return found


def _migrations(folder: Traversable | Path) -> Iterator[Migration]:
    for file in folder.iterdir():
        if not file.name.endswith(".sql"):
            continue
        match = _NAME.fullmatch(file.name)
        if match is None:
            raise FailedPrecondition(f"{file.name} is no name of a migration; it must be like 0001_name.sql")
        yield Migration(int(match[1]), match[2], file.read_text(encoding="utf-8"))


async def _apply(connection: "Connection[Record]", service: str, migrations: list[Migration]) -> None:
    applied = {row["number"]: row["checksum"] for row in await connection.fetch(_APPLIED, service)}
    for migration in migrations:
        checksum = applied.get(migration.number)
        if checksum is None:
            await _run(connection, service, migration)
        elif checksum != migration.checksum:
            raise FailedPrecondition(
                f"migration {migration.number:04}_{migration.name} of {service} was changed after it was applied",
                reason="MIGRATION_CHANGED",
            )


async def _run(connection: "Connection[Record]", service: str, migration: Migration) -> None:
    async with connection.transaction():
        await connection.execute(f"set local lock_timeout = '{_LOCK_TIMEOUT}'")
        await connection.execute(f"set local statement_timeout = '{_STATEMENT_TIMEOUT}'")
        await connection.execute(migration.sql)
        await connection.execute(_NOTE, service, migration.number, migration.name, migration.checksum)
    _log.info("migration applied", of=service, number=migration.number, name=migration.name)
