"""How connections are made."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from fp_postgres.failures import translated

CONNECT_TIMEOUT: Final = 5.0  # seconds
CLOSE_TIMEOUT: Final = 10.0  # seconds
_COMMAND_TIMEOUT: Final = 35.0  # seconds; the server gives up first and says so

_SETTINGS: Final[Mapping[str, str]] = {
    "timezone": "UTC",
    "statement_timeout": "30s",
    "lock_timeout": "10s",
    # Disks have no arms any more. With the server's own 4 it reads a thousand rows in the order of a worse index rather
    # than fetch the twenty that a better one names.
    "random_page_cost": "1.1",
    # A process that hangs inside a transaction would hold its locks, and the outbox, until somebody kills it.
    "idle_in_transaction_session_timeout": "60s",
    # A host that vanished keeps its session, with the relay's lease, until the server notices.
    "tcp_keepalives_idle": "20",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "4",
}


async def open_pool(url: str, *, source: str, max_size: int) -> "asyncpg.Pool[asyncpg.Record]":
    """Raises Unavailable."""
    with translated:
        return await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=max_size,
            timeout=CONNECT_TIMEOUT,
            command_timeout=_COMMAND_TIMEOUT,
            server_settings={**_SETTINGS, "application_name": source},
            reset=_no_reset,
        )


@asynccontextmanager
async def dedicated(
    url: str, *, name: str, command_timeout: float = _COMMAND_TIMEOUT
) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
    """One connection outside the pool, for what lives as long as its session: locks and notifications.

    command_timeout: seconds for one statement. Raises Unavailable.
    """
    with translated:
        connection = await asyncpg.connect(
            url,
            timeout=CONNECT_TIMEOUT,
            command_timeout=command_timeout,
            server_settings={**_SETTINGS, "application_name": name},
        )
    try:
        yield connection
    finally:
        await close(connection)


async def close(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Close with the server when it answers, else cut the connection."""
    try:
        await connection.close(timeout=CLOSE_TIMEOUT)
    except Exception:  # noqa: BLE001 -- a connection that cannot be closed is cut
        connection.terminate()


async def _no_reset(_connection: object) -> None:
    """Nothing: settings are made with SET LOCAL only, and a reset would cost every use a round trip."""
