import sys

import asyncpg
import pytest
from fp_testkit.statements import check, uses
from fp_testkit.statements.conditions import alone

FILL = (
    "CREATE TABLE things (id int PRIMARY KEY, owner int NOT NULL, name text NOT NULL)",
    "CREATE INDEX things_of_owner ON things (owner, id)",
    "INSERT INTO things SELECT n, n % 10, 'name ' || n % 20 FROM generate_series(1, 20000) AS n",
)


@pytest.fixture
def holding(tmp_path, monkeypatch):
    """A package with one statement."""
    name = f"planted_{tmp_path.name}"

    def write(sql):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "__init__.py").write_text(f"SQL = {sql!r}\n")
        monkeypatch.syspath_prepend(tmp_path)
        return name

    yield write
    sys.modules.pop(name, None)


async def fault(url, package, row, **options):
    with pytest.raises(AssertionError) as raised:
        await check(package, url, {} if row is None else {f"{package}.SQL": row}, fill=FILL, **options)
    return str(raised.value)


PAGE = "SELECT id FROM things WHERE owner = $1 AND id > $2 ORDER BY id LIMIT $3"


async def test_a_statement_with_its_index_passes(database_url, holding):
    package = holding(PAGE)
    rows = (uses("things_of_owner", 3, 0, 21), uses("things_of_owner", 3, 15_000, 21))
    await check(package, database_url, {f"{package}.SQL": rows}, fill=FILL)


async def test_a_statement_without_a_row_is_named_with_the_row_that_it_needs(database_url, holding):
    package = holding(PAGE)
    assert f'"{package}.SQL": uses("things_of_owner")' in await fault(database_url, package, None)


async def test_a_row_without_its_statement_is_named(database_url, holding):
    package = holding(PAGE)
    with pytest.raises(AssertionError, match="gone: no such statement"):
        await check(package, database_url, {"gone": uses("")}, fill=FILL)


async def test_another_index_than_the_named_one_is_refused(database_url, holding):
    said = await fault(database_url, holding("SELECT name FROM things WHERE id = $1"), uses("things_of_owner", 3))
    assert "uses ['things_pkey'], not ['things_of_owner']" in said


async def test_reading_a_whole_table_is_refused(database_url, holding):
    assert "reads all of ['things']" in await fault(
        database_url, holding("SELECT id FROM things WHERE name = $1"), uses("")
    )


async def test_a_page_whose_plan_for_all_values_reads_what_lies_before_it_is_refused(database_url, holding):
    sql = "SELECT id FROM things WHERE owner = $1 AND ($2::int IS NULL OR id > $2) ORDER BY id LIMIT $3"
    said = await fault(database_url, holding(sql), uses("things_of_owner", 3, 15_000, 21))
    assert "rows, more than 100" in said


async def test_a_list_that_is_sorted_as_a_whole_is_refused(database_url, holding):
    sql = "SELECT id FROM things WHERE owner = $1 ORDER BY name, id LIMIT $2"
    said = await fault(database_url, holding(sql), uses("things_of_owner", 3, 21, at_most=20_000))
    assert f"{said}\n".count("sorts rows of a table\n") == 1


async def test_a_list_needs_arguments_and_arguments_must_find_something(database_url, holding):
    package = holding(PAGE)
    assert "needs arguments" in await fault(database_url, package, uses("things_of_owner"))


async def test_arguments_that_find_nothing_prove_nothing(database_url, holding):
    assert "finds nothing" in await fault(database_url, holding(PAGE), uses("things_of_owner", 77, 0, 21))


async def test_a_table_with_a_few_rows_says_nothing(database_url, holding):
    package = holding(PAGE)
    few = (*FILL, "DELETE FROM things WHERE id > 5000")
    with pytest.raises(AssertionError, match="things has 5000 rows, not 20000"):
        await check(package, database_url, {f"{package}.SQL": uses("things_of_owner", 3, 0, 21)}, fill=few)


async def test_what_a_statement_writes_is_rolled_back(database_url, holding):
    package = holding("DELETE FROM things WHERE id = $1")
    await check(package, database_url, {f"{package}.SQL": uses("things_pkey", 3)}, fill=FILL)
    connection = await asyncpg.connect(database_url)
    assert await connection.fetchval("SELECT count(*) FROM things") == 20_000
    await connection.close()


async def test_a_partition_and_its_index_go_by_the_names_of_their_table(database_url, holding):
    package = holding("SELECT name FROM parts WHERE id = $1")
    fill = (
        "CREATE TABLE parts (id int PRIMARY KEY, name text) PARTITION BY RANGE (id)",
        "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (20001)",
        "CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (20001) TO (30000)",
        "INSERT INTO parts SELECT n, '' FROM generate_series(1, 20000) AS n",
    )
    await check(package, database_url, {f"{package}.SQL": uses("parts_pkey", 3)}, fill=fill)
    connection = await asyncpg.connect(database_url)
    parts = await connection.fetchval("SELECT count(*) FROM pg_partition_tree('parts') WHERE isleaf")
    await connection.close()
    assert parts == 4, "and two that are empty, as those of the days to come"


async def test_an_index_that_is_not_used_while_an_old_snapshot_is_open_is_refused(database_url, holding):
    """Reading an index alone is cheap while VACUUM can mark the pages of its table."""
    package = holding("SELECT max(name) FROM things WHERE owner = $1 AND id > $2")
    fill = (
        *FILL,
        "CREATE INDEX things_by_name ON things (owner, name)",
        "CREATE INDEX things_whole ON things (name, owner, id)",
    )
    with pytest.raises(AssertionError) as raised:
        await check(package, database_url, {f"{package}.SQL": uses("things_whole", 3, 10_000)}, fill=fill)
    said = str(raised.value)
    assert "uses ['things_by_name'], not ['things_whole'], with an old snapshot open and empty partitions" in said


async def test_nobody_but_the_check_vacuums_its_tables(database_url, holding):
    """Where the machine is busy, autovacuum came while they were filled, and no page could be marked."""
    package = holding("SELECT id FROM things WHERE id = $1")
    await check(package, database_url, {f"{package}.SQL": uses("things_pkey", 3)}, fill=FILL)
    connection = await asyncpg.connect(database_url)
    assert await connection.fetchval("SELECT reloptions FROM pg_class WHERE relname = 'things'") == [
        "autovacuum_enabled=off"
    ]
    await connection.close()


async def test_the_check_waits_until_it_is_alone():
    class Connection:
        others = [2, 1, 0]  # noqa: RUF012 -- taken one by one

        async def fetchval(self, _):
            return self.others.pop(0)

    await alone(Connection())

    assert Connection.others == []
