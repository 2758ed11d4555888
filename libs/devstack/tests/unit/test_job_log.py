from fp_devstack.supervisor import job_log
from fp_devstack.supervisor.job_log import JobLog, page


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
