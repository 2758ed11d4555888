"""What the testkit gives, together with the database library it is mostly used with."""

import itertools
from pathlib import Path

import asyncpg
import pytest
from fp_postgres import Database
from fp_testkit.crash import EVERY_STEP, CrashedRun, CrashPoints

CREATE = "create table transfers (id int primary key, amount int not null);\n"


@pytest.fixture
def migrations(tmp_path) -> Path:
    (tmp_path / "0001_transfers.sql").write_text(CREATE)
    return tmp_path


async def _count(url: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval("select count(*) from transfers")
    finally:
        await connection.close()


async def _oid(url: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval("select oid::int from pg_database where datname = current_database()")
    finally:
        await connection.close()


async def test_a_migrated_database_is_copied_and_not_migrated_again(databases, migrations):
    first = await databases.create(migrations, service="billing")
    (migrations / "0001_transfers.sql").write_text("this is no sql")
    second = await databases.create(migrations, service="billing")

    assert first != second
    assert (await _count(first), await _count(second)) == (0, 0)


async def two_rows(crash: CrashPoints, url: str) -> None:
    database = await Database.connect(url, source="billing")
    async with crash.wrap(database).transaction() as tx:
        await tx.execute("insert into transfers values (1, 10)")
        await tx.execute("insert into transfers values (2, -10)")


@pytest.mark.parametrize("every", ["", "1"], ids=["begin and commit", "every step"])
async def test_a_transaction_that_dies_at_any_step_leaves_both_rows_or_none(
    kill_at, databases, migrations, monkeypatch, every
):
    monkeypatch.setenv(EVERY_STEP, every)
    seen: list[int] = []
    databases_of_runs: set[int] = set()

    async def check(run: CrashedRun) -> None:
        seen.append(await _count(run.arguments[0]))
        databases_of_runs.add(await _oid(run.arguments[0]))

    steps = await kill_at(two_rows, check, arrange=lambda: databases.create(migrations, service="billing"))

    # Before the begin, each insert and the commit; then a run that lives.
    assert steps == 4
    assert seen == ([0, 0, 0, 0, 2] if every else [0, 0, 2])
    assert len(databases_of_runs) == 1, "each run has that of the one before, as it was"


async def a_row_a_file_and_a_row(crash: CrashPoints, url: str, path: str) -> None:
    database, file = await Database.connect(url, source="billing"), crash.wrap(File(path))
    async with crash.wrap(database).transaction() as tx:
        await tx.execute("insert into transfers values (1, 10)")
        await file.write()
        await tx.execute("insert into transfers values (2, -10)")
        await tx.inbox.fresh("testkit", [])


class File:
    def __init__(self, path: str) -> None:
        self._path = Path(path)

    @property
    def is_there(self) -> bool:
        return self._path.exists()

    async def write(self) -> None:
        self._path.touch()


async def test_what_a_transaction_does_elsewhere_is_a_step_to_die_at(
    kill_at, databases, migrations, tmp_path, monkeypatch
):
    monkeypatch.delenv(EVERY_STEP, raising=False)
    numbers = itertools.count()
    seen: list[tuple[int, bool]] = []

    async def arrange() -> tuple[str, str]:
        return await databases.create(migrations, service="billing"), str(tmp_path / f"file{next(numbers)}")

    async def check(run: CrashedRun) -> None:
        seen.append((await _count(run.arguments[0]), File(run.arguments[1]).is_there))

    steps = await kill_at(a_row_a_file_and_a_row, check, arrange=arrange)

    # Before the begin, the file and the commit.
    assert seen == [(0, False), (0, False), (0, True), (2, True)]
    assert steps == 6
