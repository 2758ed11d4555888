"""Loads that end their process are remembered, and those that end by themselves are not."""

import asyncio
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from fp_serving.adapters.attempts import LoadAttempts
from fp_serving.app.slot import VersionFacts
from fp_serving.domain.lifecycle import Quarantined
from fp_testkit.wallclock import MOMENT, StandingClock

_FACTS = VersionFacts("alpha", "v-1", "m", "1", "sha256:" + "0" * 64, 1)

# A process that dies in the middle of a load, as one does that runs out of memory.
_DIES = """
import asyncio, os, signal, sys
from pathlib import Path
from fp_testkit.wallclock import StandingClock
from fp_serving.adapters.attempts import LoadAttempts
from fp_serving.app.slot import VersionFacts

async def load():
    async with LoadAttempts(Path(sys.argv[1]), StandingClock()).attempt(
        VersionFacts("alpha", sys.argv[2], "m", "1", "sha256:0", 1)
    ):
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(load())
"""


def _die(folder: Path, version_id: str = "v-1") -> None:
    subprocess.run([sys.executable, "-c", _DIES, str(folder), version_id], check=False)


async def test_a_version_whose_load_ended_two_processes_is_quarantined(tmp_path: Path) -> None:
    attempts = LoadAttempts(tmp_path / "loading", StandingClock())
    for _ in range(2):
        async with attempts.attempt(_FACTS):
            pass
        await asyncio.to_thread(_die, tmp_path / "loading")
        await asyncio.to_thread(_die, tmp_path / "loading", "v-2")
        if _ == 0:
            # One crash may have been anybody's fault: a load that goes well clears the version.
            async with attempts.attempt(_FACTS):
                pass
    async with attempts.attempt(_FACTS):
        pass
    with pytest.raises(Quarantined, match="2 processes"):
        async with attempts.attempt(VersionFacts("alpha", "v-2", "m", "1", "sha256:0", 1)):
            pytest.fail("it was let in")
    later = LoadAttempts(tmp_path / "loading", StandingClock(MOMENT + timedelta(days=1)))
    async with later.attempt(VersionFacts("alpha", "v-2", "m", "1", "sha256:0", 1)):
        pass


def _left(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_runs_that_ended_two_processes_quarantine_their_version_too(tmp_path: Path) -> None:
    attempts = LoadAttempts(tmp_path / "loading", StandingClock())
    attempts.crashed("v-1")
    async with attempts.attempt(_FACTS):
        pass
    attempts.crashed("v-1")
    with pytest.raises(Quarantined, match="running it 2"):
        async with attempts.attempt(_FACTS):
            pytest.fail("it was let in")
    later = LoadAttempts(tmp_path / "loading", StandingClock(MOMENT + timedelta(days=1)))
    async with later.attempt(_FACTS):
        pass
    assert _left(tmp_path / "loading" / "crashed") == []


async def test_a_load_that_fails_by_itself_counts_for_nothing(tmp_path: Path) -> None:
    attempts = LoadAttempts(tmp_path, StandingClock())
    for _ in range(5):
        with pytest.raises(ValueError, match="no model"):
            async with attempts.attempt(_FACTS):
                raise ValueError("no model")
    assert _left(tmp_path) == []


async def test_a_load_of_the_same_version_elsewhere_is_no_crash(tmp_path: Path) -> None:
    one, other = LoadAttempts(tmp_path, StandingClock()), LoadAttempts(tmp_path, StandingClock())
    async with one.attempt(_FACTS):
        for _ in range(5):
            async with other.attempt(_FACTS):
                pass
    assert _left(tmp_path) == []
