"""Starting a supervisor that stays behind."""

import asyncio
import os
import signal
import sys

import pytest
import uvloop
from fp_kernel.errors import FailedPrecondition
from fp_supervisor import launch
from fp_testkit.patience import PATIENCE

# Leaves a program behind, as `--detach` does, and ends.
DETACHES = """#!/bin/sh
sleep 1000 > /dev/null 2>&1 &
echo $! > {pid}
"""
FAILS = "#!/bin/sh\necho 'no port is free' >&2\nexit 1\n"


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Give the supervisor's place to a script."""

    def replace(text):
        script = tmp_path / "supervisor.sh"
        script.write_text(text)
        script.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(script))

    return replace


async def ensured(folder):
    async with asyncio.timeout(PATIENCE):
        return await launch.ensure(folder)


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_the_start_returns_while_what_it_leaves_behind_lives(program, tmp_path, run):
    left = tmp_path / "pid"
    program(DETACHES.format(pid=left))
    try:
        assert run(ensured(tmp_path))
        os.kill(int(left.read_text()), 0)
    finally:
        os.kill(int(left.read_text()), signal.SIGKILL)


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_a_start_that_fails_says_why(program, tmp_path, run):
    program(FAILS)

    with pytest.raises(FailedPrecondition, match="the platform cannot start: no port is free"):
        run(ensured(tmp_path))


async def test_where_no_stores_are_installed_the_start_names_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)

    with pytest.raises(FailedPrecondition, match=r"install fp-cli\[laptop\]"):
        await launch.ensure(tmp_path)
