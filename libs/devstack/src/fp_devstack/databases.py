"""One database and one role a service."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from fp_devstack.endpoints import Endpoints

_SECONDS = 30.0


async def ensure_database(endpoints: Endpoints, noun: str, password: str) -> str:
    """Creates database and role `fp_<noun>` unless they exist; gives the role's URL.

    The role owns its database and can connect to no other.
    """
    import asyncpg  # noqa: PLC0415 -- 0.1 s that a stack without Postgres need not pay

    name = f"fp_{noun}"
    connection = await asyncpg.connect(endpoints.postgres_admin_url, timeout=_SECONDS, command_timeout=_SECONDS)
    try:
        if not await connection.fetchval("select 1 from pg_roles where rolname = $1", name):
            await connection.execute(f'create role "{name}" login')
        await connection.execute(f"alter role \"{name}\" password '{password}'")
        if not await connection.fetchval("select 1 from pg_database where datname = $1", name):
            await connection.execute(f'create database "{name}" owner "{name}"')
            await connection.execute(f'revoke connect, temporary on database "{name}" from public')
    finally:
        await connection.close()
    return endpoints.database_url(name, name, password)


def create_database(endpoints: Endpoints, noun: str, password: str) -> str:
    """The same for callers without an event loop, or within one that they must not block for long."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, ensure_database(endpoints, noun, password)).result()
