"""One database and one role a service."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from fp_devstack.endpoints import Endpoints

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

    The role owns its database, can connect to no other, and has no right beside that.
    """
    import asyncpg  # noqa: PLC0415 -- 0.1 s that a stack without Postgres need not pay

    name = f"fp_{noun}"
    connection = await asyncpg.connect(endpoints.postgres_admin_url, timeout=_SECONDS, command_timeout=_SECONDS)
    try:
        if not await connection.fetchval("select 1 from pg_roles where rolname = $1", name):
            await connection.execute(f'create role "{name}"')
        settings = (f"alter role \"{name}\" set {setting} = '{value}'" for setting, value in _SETTINGS.items())
        await connection.execute("; ".join((f"alter role \"{name}\" {_RIGHTS} password '{password}'", *settings)))
        if not await connection.fetchval("select 1 from pg_database where datname = $1", name):
            await connection.execute(f'create database "{name}" owner "{name}"')
        closed = ", ".join(f'"{database}"' for database in (name, *_COMMON))
        await connection.execute(f"revoke connect, temporary on database {closed} from public")
    finally:
        await connection.close()
    return endpoints.database_url(name, name, password)


def create_database(endpoints: Endpoints, noun: str, password: str) -> str:
    """The same for callers without an event loop, or within one that they must not block for long."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, ensure_database(endpoints, noun, password)).result()
