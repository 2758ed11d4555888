"""Whatever the service has written, to search for what must be nowhere."""

import asyncpg
import nats


async def tables(url) -> bytes:
    """All rows of all tables."""
    connection = await asyncpg.connect(url)
    try:
        found = await connection.fetch(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables "
            "WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        rows = [row for (table,) in found for row in await connection.fetch(f"SELECT * FROM {table}")]  # noqa: S608 -- names from the catalogue
    finally:
        await connection.close()
    return b"\n".join(each if isinstance(each, bytes) else str(each).encode() for row in rows for each in row.values())


async def streams(url) -> bytes:
    """All messages of all streams."""
    client = await nats.connect(url)
    try:
        manager, found = client.jsm(), []
        for info in await manager.streams_info():
            for number in range(max(1, info.state.first_seq), info.state.last_seq + 1):
                message = await manager.get_msg(info.config.name, number)
                found.append(str(message.headers).encode() + (message.data or b""))
    finally:
        await client.close()
    return b"\n".join(found)
