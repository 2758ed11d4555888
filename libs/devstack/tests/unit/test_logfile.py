import os

from fp_devstack.supervisor.logfile import LogFile, pump


def test_a_full_log_becomes_the_previous_one(tmp_path):
    log = LogFile(tmp_path / "a.log", limit=10)
    log.write(b"12345\n")
    log.write(b"67890\n")
    log.write(b"new\n")
    log.close()

    assert (tmp_path / "a.log.1").read_bytes() == b"12345\n67890\n"
    assert (tmp_path / "a.log").read_bytes() == b"new\n"


def test_the_last_line_tells_why_a_process_ended(tmp_path):
    log = LogFile(tmp_path / "a.log")
    log.write(b"first\nFP_DATABASE_URL is missing\n")
    log.write(b"\n")
    log.close()

    assert log.last_line == "FP_DATABASE_URL is missing"


async def test_the_pump_moves_everything_until_the_writers_are_gone(tmp_path):
    log = LogFile(tmp_path / "a.log")
    ours, theirs = os.pipe()
    os.write(theirs, b"hello\n")
    os.close(theirs)
    await pump(ours, log)
    log.close()

    assert (tmp_path / "a.log").read_bytes() == b"hello\n"
