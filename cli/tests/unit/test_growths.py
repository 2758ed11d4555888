"""What grows is judged against its limits."""

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
