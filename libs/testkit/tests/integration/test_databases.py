"""A database that an earlier test used is as a new one, and one that cannot be made so is used by nobody."""

from pathlib import Path

import asyncpg
import pytest
from fp_kernel import new_id
from fp_postgres import database
from fp_testkit import reuse
from fp_testkit.databases import Databases
from fp_testkit.patience import PATIENCE

SCHEMA = """
create table kinds (
    name text primary key, rank int generated always as identity, doubled int generated always as (2) stored
);
insert into kinds values ('small'), ('large');
create table things (id bigint generated always as identity primary key, kind text not null references kinds);
create table days (day date not null) partition by range (day);
create table days_undated partition of days default;
"""
CHANGES = {
    "a table": "create table planted (id int)",
    "a column": "alter table things add column planted int",
    "a default": "alter table things alter column kind set default 'small'",
    "an index": "create index on things (kind)",
    "a constraint": "alter table things add check (id > 0)",
    "a constraint that is gone": "alter table things drop constraint things_kind_fkey",
    "a function": "create function planted() returns int language sql as 'select 1'",
    "a trigger": (
        "create trigger planted before update on things for each row "
        "execute function suppress_redundant_updates_trigger()"
    ),
    "a right": "grant select on things to public",
    "much": "insert into things (kind) select 'small' from generate_series(1, 100000)",
}


@pytest.fixture
async def server(database_server):
    """A server of this test's own templates."""
    apart = Databases(database_server._admin_url)
    apart._prefix = f"fp_{new_id()}"
    yield apart
    await apart.drop()
    await apart.close()


@pytest.fixture
def create(server, tmp_path):
    (tmp_path / "0001_things.sql").write_text(SCHEMA)
    return lambda **how: server.create(Path(tmp_path), service="billing", **how)


async def run(url, statement, fetch=""):
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
        return [tuple(row) for row in await connection.fetch(fetch)] if fetch else []
    finally:
        await connection.close()


async def oid(url):
    [(found,)] = await run(url, "select 1", "select oid::int from pg_database where datname = current_database()")
    return found


async def test_it_has_the_rows_of_its_migrations_and_no_other(server, create):
    first = await create()
    await run(
        first,
        """
        insert into things (kind) values ('small'), ('large');
        delete from things; update kinds set name = 'huge' where name = 'large'; insert into kinds values ('none');
        create table days_1 partition of days for values from ('2013-01-01') to ('2013-01-02');
        insert into days values ('2013-01-01'), ('2013-02-01');
        """,
    )
    known = await oid(first)
    await server.drop()

    second = await create()

    assert second != first
    assert await oid(second) == known
    assert await run(second, "select 1", "select name, rank, doubled from kinds order by rank") == [
        ("small", 1, 2),
        ("large", 2, 2),
    ]
    assert await run(second, "insert into things (kind) values ('large')", "select id from things") == [(1,)]
    assert await run(second, "insert into kinds values ('new')", "select max(rank) from kinds") == [(3,)]
    assert await run(second, "select 1", "select * from days") == []
    with pytest.raises(asyncpg.PostgresError):
        await run(second, "insert into things (kind) values ('absent')")


async def test_nobody_of_the_earlier_test_reaches_it(server, create):
    first = await create()
    left = await asyncpg.connect(first)
    await server.drop()

    await create()

    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await left.fetchval("select 1")
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await asyncpg.connect(first)
    await left.close()


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_one_that_was_changed_otherwise_is_not_used_again(server, create, change):
    first = await create()
    await run(first, change)
    known = await oid(first)
    await server.drop()

    assert await oid(await create()) != known


async def test_the_shape_is_read_only_where_something_was_changed(server, create, monkeypatch):
    first = await create()
    known = await oid(first)
    await run(first, "create table days_1 partition of days for values from ('2013-01-01') to ('2013-01-02')")
    await run(first, "create temporary table passing (id int); insert into things (kind) values ('small')")
    await server.drop()
    monkeypatch.setattr(reuse, "_SHAPE", "nothing that Postgres understands")

    second = await create()

    assert await oid(second) == known
    await run(second, "alter table things add column planted int")
    await server.drop()
    with pytest.raises(asyncpg.PostgresSyntaxError):
        await create()


async def test_one_that_was_changed_and_changed_back_is_used_again(server, create):
    first = await create()
    await run(first, "alter table things alter kind set default 'small'; alter table things alter kind drop default")
    known = await oid(first)
    await server.drop()

    assert await oid(await create()) == known


async def test_who_asks_for_a_fresh_one_gets_it_and_leaves_it_to_nobody(server, create):
    known = await oid(await create())
    await server.drop()
    fresh = await oid(await create(fresh=True))
    await server.drop()

    assert fresh != known
    assert await oid(await create()) == known


async def test_a_few_of_a_template_are_kept_and_no_more(server, create):
    made = {await oid(await create()) for _ in range(6)}
    await server.drop()

    again = [await oid(await create()) for _ in range(6)]

    assert len(made) == 6
    assert len(made & set(again)) == 4


async def test_passwords_are_hashed_once_where_the_data_may_be_lost(server, create):
    await create()

    kept = await run(server._admin_url, "select 1", "select rolpassword from pg_authid where rolpassword is not null")

    assert len(kept) > 1
    assert {password.partition(":")[0] for (password,) in kept} == {"SCRAM-SHA-256$1"}


async def test_callers_wait_for_a_pool_as_long_as_a_test_does(databases):
    assert database._WAIT == PATIENCE
