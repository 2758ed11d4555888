import asyncio
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from fp_testkit.crash import CrashedRun, CrashPoints


class Ledger:
    """Notes each step in a file, which a killed process leaves as it was."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self.calls = 0

    async def write(self, line: str) -> None:
        with self.path.open("a") as file:
            file.write(f"{line}\n")

    @asynccontextmanager
    async def transaction(self):
        await self.write("begin")
        yield self
        await self.write("commit")

    def note(self) -> None:
        self.calls += 1


def _lines(run: CrashedRun) -> list[str]:
    return Path(run.arguments[0]).read_text().split()


async def three_writes(crash: CrashPoints, path: str) -> None:
    ledger = crash.wrap(Ledger(path))
    for line in ("one", "two", "three"):
        await ledger.write(line)


async def one_transaction(crash: CrashPoints, path: str) -> None:
    async with crash.wrap(Ledger(path)).transaction() as tx:
        tx.note()
        await tx.write("change")


async def broken(crash: CrashPoints) -> None:
    assert crash
    raise RuntimeError("the scenario is wrong")


async def endless(crash: CrashPoints) -> None:
    crash.point()
    await asyncio.Event().wait()


async def talkative(crash: CrashPoints) -> None:
    sys.stdout.write("x" * 300_000)
    crash.point()


@pytest.fixture
def paths(tmp_path):
    count = 0

    async def fresh() -> str:
        nonlocal count
        count += 1
        path = tmp_path / f"ledger-{count}"
        path.touch()
        return str(path)

    return fresh


async def test_a_scenario_dies_before_each_awaited_call_in_turn_and_then_completes(kill_at, paths):
    seen: list[tuple[int, bool, list[str]]] = []

    async def check(run: CrashedRun) -> None:
        seen.append((run.turn, run.completed, _lines(run)))

    steps = await kill_at(three_writes, check, arrange=paths)

    assert steps == 3
    assert seen == [
        (1, False, []),
        (2, False, ["one"]),
        (3, False, ["one", "two"]),
        (4, True, ["one", "two", "three"]),
    ]


async def test_the_begin_and_the_end_of_a_context_manager_are_steps_and_plain_calls_are_not(kill_at, paths):
    seen: list[list[str]] = []

    async def check(run: CrashedRun) -> None:
        seen.append(_lines(run))

    await kill_at(one_transaction, check, arrange=paths)

    assert seen == [[], ["begin"], ["begin", "change"], ["begin", "change", "commit"]]


async def test_a_scenario_that_fails_by_itself_fails_the_test_with_its_traceback(kill_at):
    async def check(_run: CrashedRun) -> None:
        """Never reached."""

    with pytest.raises(AssertionError, match="the scenario is wrong"):
        await kill_at(broken, check)


async def test_a_scenario_that_does_not_end_is_killed_and_fails_the_test(kill_at):
    async def check(run: CrashedRun) -> None:
        assert not run.completed

    with pytest.raises(AssertionError, match=r"killed after 0\.3 s"):
        await kill_at(endless, check, timeout=0.3)


async def test_output_beyond_the_size_of_a_pipe_does_not_stop_a_scenario(kill_at):
    async def check(_run: CrashedRun) -> None:
        """Both runs count."""

    assert await kill_at(talkative, check) == 1


async def test_a_function_within_a_test_is_no_scenario(kill_at):
    async def scenario(_crash: CrashPoints) -> None:
        """Cannot be found by another process."""

    async def check(_run: CrashedRun) -> None:
        """Never reached."""

    with pytest.raises(ValueError, match="function of a module"):
        await kill_at(scenario, check)
