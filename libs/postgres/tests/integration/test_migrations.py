import asyncio
import os
import sys

import asyncpg
import pytest
from fp_kernel import Aborted, FailedPrecondition
from fp_postgres import migrate


@pytest.fixture
def folder(tmp_path):
    def write(**files):
        for name, sql in files.items():
            (tmp_path / f"{name[1:]}.sql").write_text(sql)
        return tmp_path

    return write


async def tables(url):
    connection = await asyncpg.connect(url)
    found = await connection.fetch("select tablename from pg_tables where schemaname = 'public'")
    await connection.close()
    return {row["tablename"] for row in found}


async def test_what_is_missing_is_applied_and_what_is_there_is_left(database_url, folder):
    await migrate(database_url, folder(_0001_a="create table a (id int);"), service="s")
    await migrate(database_url, folder(_0002_b="create table b (id int);"), service="s")

    assert {"a", "b", "fp_outbox", "fp_inbox", "fp_commands"} <= await tables(database_url)


async def test_replicas_that_start_together_apply_each_file_once(database_url, folder):
    files = folder(_0001_a="create table a (id int);")

    await asyncio.gather(*(migrate(database_url, files, service="s") for _ in range(4)))

    assert "a" in await tables(database_url)


async def test_a_changed_file_is_refused(database_url, folder):
    await migrate(database_url, folder(_0001_a="create table a (id int);"), service="s")

    with pytest.raises(FailedPrecondition, match="changed"):
        await migrate(database_url, folder(_0001_a="create table a (id bigint);"), service="s")


async def test_a_file_that_is_gone_is_refused(database_url, folder, tmp_path):
    await migrate(database_url, folder(_0001_a="create table a (id int);", _0002_b="select 1;"), service="s")
    (tmp_path / "0001_a.sql").unlink()

    with pytest.raises(FailedPrecondition, match="gap"):
        await migrate(database_url, tmp_path, service="s")


async def test_a_database_that_is_ahead_is_left_alone(database_url, folder, tmp_path):
    await migrate(database_url, folder(_0001_a="create table a (id int);", _0002_b="select 1;"), service="s")
    (tmp_path / "0002_b.sql").unlink()

    await migrate(database_url, tmp_path, service="s")


async def test_a_statement_that_must_stand_alone_does(database_url, folder):
    index = "-- outside of a transaction\ncreate index concurrently if not exists a_id on a (id);"
    await migrate(database_url, folder(_0001_a="create table a (id int);", _0002_b=index), service="s")
    connection = await asyncpg.connect(database_url)
    assert await connection.fetchval("select indisvalid from pg_index where indexrelid = 'a_id'::regclass")
    await connection.close()


async def test_an_index_that_was_never_finished_is_made_anew(database_url, folder):
    index = "-- outside of a transaction\ncreate unique index concurrently if not exists a_id on a (id);"
    files = folder(_0001_a="create table a (id int); insert into a values (1), (1);", _0002_b=index)
    with pytest.raises(asyncpg.UniqueViolationError):
        await migrate(database_url, files, service="s")
    connection = await asyncpg.connect(database_url)
    assert not await connection.fetchval("select indisvalid from pg_index where indexrelid = 'a_id'::regclass")
    await connection.execute("delete from a where ctid = '(0,1)'")

    await migrate(database_url, files, service="s")

    assert await connection.fetchval("select indisvalid from pg_index where indexrelid = 'a_id'::regclass")
    await connection.close()


async def test_a_migration_that_cannot_get_its_lock_gives_up(database_url, folder, monkeypatch):
    monkeypatch.setattr("fp_postgres.migration._SHORT", "set lock_timeout = '50ms'; set statement_timeout = '60s'")
    await migrate(database_url, folder(_0001_a="create table a (id int);"), service="s")
    holder = await asyncpg.connect(database_url)
    async with holder.transaction():
        await holder.execute("lock table a in access share mode")
        with pytest.raises(Aborted):
            await migrate(database_url, folder(_0002_b="alter table a add column b int;"), service="s")
    await holder.close()
    await migrate(database_url, folder(_0002_b="alter table a add column b int;"), service="s")


@pytest.mark.parametrize("name", ["_0002_b", "_1_a", "_0001_B"])
async def test_a_gap_or_a_bad_name_is_refused(database_url, folder, name):
    with pytest.raises(FailedPrecondition):
        await migrate(database_url, folder(**{name: "select 1;"}), service="s")


async def test_a_file_that_fails_leaves_nothing_of_itself(database_url, folder):
    with pytest.raises(asyncpg.PostgresError):
        await migrate(database_url, folder(_0001_a="create table a (id int); select nonsense;"), service="s")

    assert "a" not in await tables(database_url)


async def run_for(url, noun):
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "fp_postgres", "migrate", noun),
        env={**os.environ, "FP_DATABASE_URL": url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, failed = await process.communicate()
    return process.returncode, said, failed


async def test_an_operator_migrates_a_service_ahead_of_its_deploy(database_url):
    code, said, _ = await run_for(database_url, "notification")

    assert (code, said) == (0, b"the database of notification is as its code expects\n")
    assert {"fp_outbox", "fp_migrations"} < await tables(database_url)


async def test_a_migration_that_cannot_run_says_why_and_fails(database_url):
    connection = await asyncpg.connect(database_url)
    await connection.execute("create table fp_migrations (service text, number integer, name text, checksum bytea)")
    await connection.execute("insert into fp_migrations values ('notification', 1, 'other', 'changed')")
    await connection.close()

    code, _, failed = await run_for(database_url, "notification")

    assert code == 1
    assert b"notification" in failed
