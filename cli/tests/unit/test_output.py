from datetime import UTC, datetime, timedelta

import pytest
from forgepoint.registry.v1 import registry_pb2 as pb
from fp_cli import cells, table
from fp_cli.messages import plain

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (timedelta(seconds=5), "5 s ago"),
        (timedelta(minutes=3), "3 min ago"),
        (timedelta(hours=30), "30 h ago"),
        (timedelta(days=-3), "in 3 d"),
    ],
)
def test_times_in_a_table_are_told_from_now(ago, text):
    assert cells.cell((NOW - ago).isoformat(), now=NOW) == text


def test_what_would_move_the_cursor_is_shown_as_it_is_written():
    assert cells.cell("a\x1b[2Jb\nc") == "a\\x1b[2Jb c"


@pytest.mark.parametrize(
    ("value", "text"), [(None, "-"), ("", "-"), (True, "yes"), (0, "0"), ([], "-"), ([1.5], "1.5")]
)
def test_values_are_told_briefly(value, text):
    assert cells.cell(value) == text


def test_a_pipe_gets_whole_lines_and_a_terminal_what_fits():
    rows = [["model", "x" * 30, "i" * 36]]
    columns = ("name", "error", "id")

    assert "i" * 36 in table.lines(columns, rows, None)[1]
    assert table.lines(columns, rows, 60) == ["NAME   ERROR", "model  " + "x" * 30]
    assert table.lines(columns, rows, 20) == ["NAME   ERROR", "model  " + "x" * 12 + "…"]


def test_wide_letters_take_two_columns():
    assert cells.width("模型") == 4
    assert cells.shortened("模型模型", 5) == "模型…"


def test_messages_become_json_with_short_enums_and_numbers():
    version = pb.ModelVersion(size_bytes=7, stage=pb.MODEL_STAGE_PRODUCTION, metrics={"auc": 0.5})
    version.signature.inputs.add(name="x", shape=[-1, 3])

    found = plain(version)

    assert found["size_bytes"] == 7
    assert found["stage"] == "PRODUCTION"
    assert found["metrics"] == {"auc": 0.5}
    assert found["signature"]["inputs"][0]["shape"] == [-1, 3]
