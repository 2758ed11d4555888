"""A real Postgres, and what may be wrong with it."""

import asyncio
import socket
from datetime import timedelta
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from fp_preflight import Program, faults, postgres
from fp_testkit.pooler import pooler
from fp_testkit.wallclock import real_now


class TheMachines:
    """The machine's clock, `ahead` of what it is."""

    def __init__(self, ahead=None):
        self.ahead = ahead

    def now(self):
        return real_now() + self.ahead if self.ahead else real_now()

    def monotonic(self):
        return 0.0


def program(noun, url, connections=1):
    return Program(
        noun=noun,
        secret=f"forgepoint-{noun}",
        secrets=("FP_DATABASE_URL",),
        stores=("postgres",),
        connections=connections,
        environment={"FP_DATABASE_URL": url},
    )


def at(url, port):
    parts = urlsplit(url)
    login = parts.netloc.rpartition("@")[0]
    return urlunsplit(parts._replace(netloc=f"{login}@127.0.0.1:{port}"))


async def asked(*programs):
    return await faults(programs, TheMachines())


async def test_a_database_that_its_login_owns_is_without_fault(database_url):
    assert await asked(program("billing", database_url)) == []


async def test_a_pooler_that_shares_sessions_is_refused_by_name(database_url):
    async with pooler(urlsplit(database_url).port) as port:
        [line] = await asked(program("billing", at(database_url, port)))

    assert "PgBouncer with pool_mode transaction" in line
    assert "pool_mode=session" in line


async def refusing(reader, writer):
    """As PgBouncer does that is told of no parameter."""
    await reader.readexactly(8)
    writer.write(b"N")
    await reader.readexactly(int.from_bytes(await reader.readexactly(4)) - 4)
    fields = b"SFATAL\0C08P01\0Munsupported startup parameter: statement_timeout\0\0"
    writer.write(b"E" + (4 + len(fields)).to_bytes(4) + fields)
    writer.close()


async def test_a_pooler_that_takes_no_settings_is_named_with_what_helps():
    async with await asyncio.start_server(refusing, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        [line] = await asked(program("billing", f"postgresql://a:b@127.0.0.1:{port}/fp_billing"))

    assert "unsupported startup parameter: statement_timeout" in line
    assert "ignore_startup_parameters" in line


async def test_more_connections_than_the_server_gives_are_a_fault_of_all_who_take_them(database_url):
    found = await postgres.ask(database_url, needed=1)

    half = found.connections // 2 + 1
    [line] = await asked(program("auth", database_url, half), program("billing", database_url, half))

    assert line == (
        f"auth, billing: {found.server}: the replicas take up to {2 * half} connections, "
        f"and it gives {found.connections} (max_connections)"
    )


async def test_a_role_that_may_have_too_few_connections_is_named(database_url, database_server):
    admin = await asyncpg.connect(database_server._admin_url)
    name = urlsplit(database_url).path[1:]
    await admin.execute(f'alter database "{name}" connection limit 20')
    await admin.close()

    [line] = await asked(program("billing", database_url, 28))

    assert "its database may have 20 connections, and its replicas take up to 28 during an upgrade" in line


async def test_a_login_that_may_make_no_tables_is_named(database_url, database_server):
    admin = await asyncpg.connect(database_server._admin_url)
    name = urlsplit(database_url).path[1:]
    await admin.execute(f'alter database "{name}" owner to current_user')
    await admin.close()

    [line] = await asked(program("billing", database_url))

    assert "the login may not create tables in its database: it must own it" in line


async def test_a_password_that_is_wrong_is_named_and_not_told(database_url):
    parts = urlsplit(database_url)
    url = urlunsplit(parts._replace(netloc=f"fp_test:no-such-password@127.0.0.1:{parts.port}"))

    [line] = await asked(program("billing", url))

    assert "password authentication failed" in line
    assert "no-such-password" not in line


async def test_a_server_that_is_not_there_is_named():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        [line] = await asked(program("billing", f"postgresql://a:b@127.0.0.1:{port}/fp_billing"))

    assert line.startswith(f"billing: postgres at 127.0.0.1:{port}: ")


async def test_a_clock_that_is_ahead_is_named(database_url):
    [line] = await faults([program("billing", database_url)], TheMachines(timedelta(minutes=2)))

    assert "its clock is 120 s behind this node's" in line


@pytest.mark.parametrize(
    ("version", "replica", "said"), [(140_009, False, "needs 15 or newer"), (180_000, True, "primary")]
)
async def test_what_no_service_can_work_with_is_named(version, replica, said):
    found = {
        "version": version,
        "version_text": "14.9",
        "replica": replica,
        "may_create": True,
        "of_role": -1,
        "of_database": None,
    }

    assert said in str([fault async for fault in postgres._faults(found, needed=1)])
