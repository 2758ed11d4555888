"""The database of a service, asked with its own login."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import asyncpg
from fp_kernel import Error
from fp_postgres import connections

from fp_preflight.reasons import reason

if TYPE_CHECKING:
    from asyncpg import Connection, Record

OLDEST: Final = 150_000
"""What migrations say is understood from Postgres 15 on."""

_POOLED: Final = (
    "the database is behind a pooler that shares sessions (PgBouncer with pool_mode transaction or statement): LISTEN "
    "and advisory locks need pool_mode=session, or no pooler"
)
_FACTS: Final = """
select
    current_setting('server_version_num')::int as version,
    current_setting('server_version') as version_text,
    current_setting('max_connections')::int
        - current_setting('superuser_reserved_connections')::int
        - coalesce(current_setting('reserved_connections', true), '0')::int as connections,
    (select rolconnlimit from pg_roles where rolname = current_user) as of_role,
    (select datconnlimit from pg_database where datname = current_database()) as of_database,
    pg_is_in_recovery() as replica,
    coalesce(
        (select has_schema_privilege(oid, 'CREATE') from pg_namespace where nspname = current_schema()), false
    ) as may_create,
    clock_timestamp() as now
"""
_PID: Final = "select pg_backend_pid()"


@dataclass(frozen=True, slots=True)
class Answer:
    """server: where it is, so that logins of the same one are counted together. connections: that it gives to all.
    now: its time.
    """

    server: str
    connections: int
    now: datetime
    faults: tuple[str, ...]


async def ask(url: str, needed: int) -> Answer | str:
    """Or why there is no answer. needed: connections of this login."""
    place = server(url)
    try:
        async with connections.dedicated(url, name="preflight") as first:
            async with connections.dedicated(url, name="preflight") as second:
                pooled = await _shares_sessions(first, second)
            if pooled:
                return f"{place}: {_POOLED}"
            [found] = await first.fetch(_FACTS)
    except (Error, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        said = reason(error)
        return f"{place}: {said}{_hint(said)}"
    faults = tuple([fault async for fault in _faults(found, needed)])
    return Answer(place, found["connections"], found["now"], tuple(f"{place}: {each}" for each in faults))


def server(url: str) -> str:
    parts = urlsplit(url)
    return f"postgres at {parts.hostname}:{parts.port or 5432}"


async def _shares_sessions(first: "Connection[Record]", second: "Connection[Record]") -> bool:
    """A session of one's own is one process of the server. Whoever pools by transaction gives the next one to whoever
    asks next, or another one to who asks again.
    """
    try:
        seen: list[int] = [await each.fetchval(_PID) for each in (first, first, second)]
    except (asyncpg.InvalidSQLStatementNameError, asyncpg.DuplicatePreparedStatementError):
        # What one session prepared, another one does not have.
        return True
    return seen[0] != seen[1] or seen[1] == seen[2]


async def _faults(found: Any, needed: int) -> AsyncIterator[str]:
    if found["version"] < OLDEST:
        yield f"it is version {found['version_text']}, and the platform needs {OLDEST // 10_000} or newer"
    if found["replica"]:
        yield "it is a replica that takes no writes: the URL must name the primary"
    elif not found["may_create"]:
        yield "the login may not create tables in its database: it must own it"
    for whose, allowed in (("role", found["of_role"]), ("database", found["of_database"])):
        if allowed is not None and -1 < allowed < needed:
            yield f"its {whose} may have {allowed} connections, and its replicas take up to {needed} during an upgrade"


def _hint(said: str) -> str:
    """PgBouncer takes none of the settings that each session begins with, unless it is told to let them pass."""
    if "unsupported startup parameter" in said:
        return " (PgBouncer: name the parameter in ignore_startup_parameters, and set it by ALTER ROLE)"
    return ""
