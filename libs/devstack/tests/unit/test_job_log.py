import json

from fp_devstack.supervisor import job_log
from fp_devstack.supervisor.job_log import JobLog, page
from fp_supervisor.masking import hidden_in


def written(path, *chunks):
    log = JobLog(path)
    for chunk in chunks:
        log.write(chunk)
    log.close()
    return log


def test_lines_are_numbered_whatever_the_chunks(tmp_path):
    log = written(tmp_path / "log", b"on", b"e\ntwo\nth", b"ree")

    assert log.lines == 3
    assert page(tmp_path / "log", 0, 10) == (["one", "two", "three"], True)
    assert page(tmp_path / "log", 1, 1) == (["two"], False)
    assert page(tmp_path / "log", 3, 10) == ([], True)


def test_a_line_that_is_too_long_is_cut_and_counts_once(tmp_path):
    chunks = [b"x" * 10_000] * 10
    log = written(tmp_path / "log", *chunks, b"\nnext\n")
    lines, _ = page(tmp_path / "log", 0, 10)

    assert log.lines == 2
    assert lines[1] == "next"
    assert len(lines[0]) == 16_384


def test_a_log_that_is_too_long_ends_with_a_note(tmp_path, monkeypatch):
    monkeypatch.setattr(job_log, "_LINES", 3)
    log = written(tmp_path / "log", b"1\n2\n", b"3\n4\n", b"5\n")
    lines, last = page(tmp_path / "log", 0, 10)

    assert lines[:2] == ["1", "2"]
    assert "dropped" in lines[2]
    assert len(lines) == log.lines == 3
    assert last


def test_a_page_is_bounded_by_lines_and_bytes(tmp_path):
    written(tmp_path / "log", b"x\n" * 5000)
    lines, last = page(tmp_path / "log", 0, 1_000_000)

    assert (len(lines), last) == (1000, False)


def test_a_log_that_is_absent_is_empty(tmp_path):
    assert page(tmp_path / "none", 0, 10) == ([], True)


def test_what_is_hidden_never_reaches_the_file_whatever_the_chunks(tmp_path):
    secrets = {"secret://a": "hunter2-hunter2", "secret://b": "line one\nline two", "secret://c": "abc"}
    hidden = hidden_in({"FP_JOB_SECRETS": json.dumps(secrets)})
    log = JobLog(tmp_path / "log", hidden)
    for chunk in (
        b"it is hunter2-",
        b"hunter2!\n",
        b"and line one\n",
        b"and line ",
        b"two",
        b"\nabc stays, it is in half of all words",
    ):
        log.write(chunk)
    log.close()
    lines, _ = page(tmp_path / "log", 0, 10)
    assert lines == ["it is ***!", "and ***", "and ***", "abc stays, it is in half of all words"]


def test_a_line_is_not_cut_in_the_middle_of_what_is_hidden(tmp_path):
    log = JobLog(tmp_path / "log", [b"hunter2-hunter2"])
    log.write(b"x" * 16_380 + b"hunter2")
    log.write(b"-hunter2" + b"y" * 20_000)
    log.write(b"y\n")
    log.close()
    assert b"hunter2" not in (tmp_path / "log").read_bytes()
