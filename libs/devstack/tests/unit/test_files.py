import pytest
from fp_devstack.files import copy_aside, read_json, rotate, tail, write_json


def test_an_absent_file_is_an_empty_object(tmp_path):
    assert read_json(tmp_path / "none.json") == {}


def test_a_write_that_fails_leaves_the_old_content_and_no_draft(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})

    assert read_json(path) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_the_tail_holds_nothing_of_earlier_runs(tmp_path):
    log = tmp_path / "a.log"
    log.write_text("old\n")
    after = log.stat().st_size
    with log.open("a") as file:
        file.write("new\nnewer\n")

    assert tail(log, after=after) == "new\nnewer"
    assert tail(log, after=after, lines=1) == "newer"
    assert tail(tmp_path / "none.log") == ""


def test_a_log_that_has_grown_is_moved_aside(tmp_path):
    log = tmp_path / "a.log"
    log.write_bytes(b"x" * 100)

    assert rotate(log, limit=200) == 100
    assert rotate(log, limit=100) == 0
    assert (tmp_path / "a.log.1").stat().st_size == 100
    assert rotate(log, limit=100) == 0


def test_a_log_whose_writer_holds_it_open_is_copied_aside_and_written_on_from_its_beginning(tmp_path):
    log = tmp_path / "a.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"x" * 100)
        assert not copy_aside(log, limit=200)
        assert copy_aside(log, limit=100)
        writer.write(b"later\n")

    assert log.read_bytes() == b"later\n"
    assert (tmp_path / "a.log.1").read_bytes() == b"x" * 100
    assert not copy_aside(tmp_path / "none.log")


def test_a_log_is_emptied_though_there_is_no_room_for_its_copy(tmp_path):
    log = tmp_path / "a.log"
    log.write_bytes(b"x" * 100)
    (tmp_path / "a.log.1").mkdir()

    assert copy_aside(log, limit=100)
    assert log.stat().st_size == 0
