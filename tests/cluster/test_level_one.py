"""What the first level says of tests that were not over in time; it needs no cluster."""

import subprocess
import sys

import level_one
import pytest
from layout import HERE, chosen


@pytest.mark.parametrize(("body", "code", "said"), [("assert False", 1, "FAILED"), ("pass", 0, "NOT JUDGED")])
def test_a_test_that_failed_before_the_time_was_over_is_a_failure(tmp_path, monkeypatch, capsys, body, code, said):
    def ended_at_the_bound(_, *command):
        if str(HERE / "noted.py") in command:
            program = [sys.executable, str(HERE / "noted.py"), str(planted)]
            ran = subprocess.run(program, cwd=tmp_path, check=False, capture_output=True, text=True)
            assert "1 passed" in ran.stdout or "1 failed" in ran.stdout, ran.stdout + ran.stderr
            raise subprocess.TimeoutExpired(program, 1)
        return 0

    planted = tmp_path / "test_planted.py"
    planted.write_text(f"def test_it():\n    {body}\n")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("FORGEPOINT_CLUSTER", "always")
    monkeypatch.setattr(level_one, "lacking", lambda _: "")
    monkeypatch.setattr(level_one, "_run", ended_at_the_bound)
    chosen().home.mkdir(parents=True, exist_ok=True)

    assert level_one.main() == code
    assert said in capsys.readouterr().out
