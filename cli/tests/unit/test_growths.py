"""What grows is judged against its limits."""

import asyncpg
import fp_platform
import pytest
from fp_cli import growths
from fp_events.streams import MODELS, USAGE
from fp_events.streams.admin import Fill

MIB = 1024**2


@pytest.mark.parametrize(("held", "result"), [(0, "ok"), (79, "ok"), (80, "warn"), (94, "warn"), (95, "fail")])
def test_a_stream_that_refuses_when_it_is_full_is_told_ahead(held, result):
    row = growths.streams([Fill(MODELS, held * MIB, 100 * MIB)])

    assert row.result == result
    assert f"MODELS {held}% of 100 MiB" in row.detail
    assert ("FP_STREAM_MODELS_MAX_BYTES" in row.todo) is (result != "ok")


def test_a_stream_that_drops_its_oldest_may_be_full():
    row = growths.streams([Fill(USAGE, 100 * MIB, 100 * MIB), Fill(MODELS, 0, 0)])

    assert (row.result, row.todo) == ("ok", "")
    assert "USAGE 100%" in row.detail


def test_databases_that_do_not_answer_are_a_warning():
    assert growths.tables({"auth": "postgresql://127.0.0.1:1/x"}).result == "warn"


@pytest.mark.parametrize(
    ("noun", "name", "share", "result"),
    [
        ("billing", "usage_facts", 1.0, "ok"),
        ("billing", "usage_facts", 2.1, "warn"),
        ("registry", "fp_outbox", 2.1, "warn"),
    ],
)
def test_a_table_that_is_larger_than_declared_is_told(noun, name, share, result):
    declared = fp_platform.tables()
    most = (declared[noun] | declared["fp_postgres"])[name]

    row = growths.judged(0, [growths.Table(noun, name, int(most * share), 1), growths.Table("auth", "users", MIB, 1)])

    assert (row.result, f"{noun}.{name} has" in row.detail, bool(row.todo)) == (result, result != "ok", result != "ok")


def test_a_table_that_is_kept_for_ever_or_is_small_is_never_too_large():
    found = [growths.Table("billing", "usage_days", 2**40, 1), growths.Table("billing", "strange", MIB, 1)]

    assert growths.judged(0, found).result == "ok"
    assert "billing.odd is not declared" in growths.judged(0, [growths.Table("billing", "odd", 2**30, 1)]).detail


async def test_parts_of_a_table_are_one_table(database_url):
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        """
        CREATE TABLE facts (at int) PARTITION BY RANGE (at);
        CREATE TABLE facts_1 PARTITION OF facts FOR VALUES FROM (0) TO (10);
        CREATE TABLE facts_2 PARTITION OF facts FOR VALUES FROM (10) TO (20);
        CREATE TABLE other (at int);
        INSERT INTO facts SELECT generate_series(0, 19)
        """
    )
    await connection.close()

    _, sizes = await growths._sizes(database_url)

    assert {name: size > 0 for name, size, _ in sizes} == {"facts": True, "other": False}


@pytest.mark.parametrize(("mebibytes", "result"), [(1, "ok"), (65, "warn")])
def test_what_waits_in_the_spool_is_counted(tmp_path, mebibytes, result):
    segment = tmp_path / "inference" / "1.seg"
    segment.parent.mkdir()
    with segment.open("wb") as file:
        file.truncate(mebibytes * MIB)

    row = growths.spool(tmp_path)

    assert (row.result, f"{mebibytes} MiB wait" in row.detail) == (result, True)


def test_a_spool_that_is_not_there_holds_nothing(tmp_path):
    assert growths.spool(tmp_path / "nowhere").result == "ok"
