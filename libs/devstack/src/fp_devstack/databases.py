"""One database and one role a service."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from fp_devstack.endpoints import Endpoints
from fp_devstack.failures import StoreFailed
from fp_devstack.scram import verifier

if TYPE_CHECKING:
    import asyncpg

_T = TypeVar("_T")

_SECONDS = 30.0
# Of one service; the server has 300, and none may take the place of the others.
_CONNECTIONS = 32
# Of a login that says nothing else; and, which only an administrator can change, the disk that its sorts may fill.
_SETTINGS = {
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "60s",
    "temp_file_limit": "4GB",
}
_RIGHTS = f"login nosuperuser nocreatedb nocreaterole noreplication nobypassrls connection limit {_CONNECTIONS}"
_COMMON = ("postgres", "template1")


async def ensure_database(endpoints: Endpoints, noun: str, password: str) -> str:
    """Creates database and role `fp_<noun>` unless they exist; gives the role's URL.

    The role owns its database, can connect to no other, and has no right beside that. Raises StoreFailed.
    """
    name = f"fp_{noun}"
    async with _connection(endpoints.postgres_admin_url) as connection:
        if not await connection.fetchval("select 1 from pg_roles where rolname = $1", name):
            await connection.execute(f'create role "{name}"')
        settings = (f"alter role \"{name}\" set {setting} = '{value}'" for setting, value in _SETTINGS.items())
        known = await _verifier(connection, password)
        await connection.execute("; ".join((f"alter role \"{name}\" {_RIGHTS} password '{known}'", *settings)))
        if not await connection.fetchval("select 1 from pg_database where datname = $1", name):
            await connection.execute(f'create database "{name}" owner "{name}"')
        closed = ", ".join(f'"{database}"' for database in (name, *_COMMON))
        await connection.execute(f"revoke connect, temporary on database {closed} from public")
    return endpoints.database_url(name, name, password)


def create_database(endpoints: Endpoints, noun: str, password: str) -> str:
    """The same for callers without an event loop, or within one that they must not block for long."""
    return _ran(ensure_database(endpoints, noun, password))


def change_password(url: str, role: str, password: str) -> None:
    """url: of who may. Raises StoreFailed."""
    _ran(_change_password(url, role, password))


async def _change_password(url: str, role: str, password: str) -> None:
    async with _connection(url) as connection:
        await connection.execute(f"alter role \"{role}\" password '{await _verifier(connection, password)}'")


@asynccontextmanager
async def _connection(url: str) -> "AsyncIterator[asyncpg.Connection[Any]]":
    import asyncpg  # noqa: PLC0415 -- 0.1 s that a stack without Postgres need not pay

    try:
        connection = await asyncpg.connect(url, timeout=_SECONDS, command_timeout=_SECONDS)
        try:
            yield connection
        finally:
            await connection.close()
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise StoreFailed(f"postgres: {str(error) or type(error).__name__}") from error


async def _verifier(connection: "asyncpg.Connection[Any]", password: str) -> str:
    return verifier(password, int(await connection.fetchval("show scram_iterations")))


def _ran(work: Coroutine[Any, Any, _T]) -> _T:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()
