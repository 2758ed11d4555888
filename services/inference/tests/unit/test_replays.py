"""A command that was answered is answered the same again."""

import asyncio
from collections.abc import Sequence
from datetime import date

import pytest
from fp_inference.app.replays import Replays, replay_digest
from fp_inference.app.values import Replay
from fp_kernel import Command, InvalidArgument, Replayed, Unavailable
from fp_testkit.clock import ManualClock


class Store:
    def __init__(self) -> None:
        self.stored: dict[bytes, Replay] = {}
        self.away = False

    async def get(self, digests: Sequence[bytes]) -> Sequence[Replay]:
        if self.away:
            raise Unavailable("away")
        return [self.stored[digest] for digest in digests if digest in self.stored]

    async def put(self, replays: Sequence[Replay]) -> None:
        if self.away:
            raise Unavailable("away")
        for replay in replays:
            self.stored.setdefault(replay.digest, replay)


def _command(key: str, body: bytes = b"body", team: str = "alpha") -> Command:
    return Command(team, "Predict", key, body, lambda _: b"")


def _replay(command: Command, response: bytes = b"answer") -> Replay:
    return Replay(replay_digest(command), command.fingerprint, response)


async def _run(replays: Replays, command: Command) -> bool:
    """Whether the command ran."""
    async with replays.once(command):
        return True


async def test_what_was_answered_is_replayed_from_memory_and_from_the_store() -> None:
    store, command = Store(), _command("k")
    first = Replays(store, ManualClock())
    first.remember(_replay(command))
    await first.store([_replay(command)])
    for replays in (first, Replays(store, ManualClock())):
        with pytest.raises(Replayed) as caught:
            await _run(replays, command)
        assert caught.value.response == b"answer"


async def test_another_body_with_the_same_key_is_refused() -> None:
    replays = Replays(Store(), ManualClock())
    replays.remember(_replay(_command("k")))
    with pytest.raises(InvalidArgument) as caught:
        await _run(replays, _command("k", b"other"))
    assert caught.value.fields[0].field == "idempotency_key"


async def test_keys_belong_to_their_team() -> None:
    replays = Replays(Store(), ManualClock())
    replays.remember(_replay(_command("k")))
    assert await _run(replays, _command("k", team="beta"))


async def test_without_a_key_every_command_runs() -> None:
    replays = Replays(Store(), ManualClock())
    assert await _run(replays, _command(""))
    assert await _run(replays, _command(""))


async def test_of_twins_one_runs_and_the_other_gets_its_answer() -> None:
    replays, command = Replays(Store(), ManualClock()), _command("k")
    running = asyncio.Event()

    async def first() -> None:
        async with replays.once(command):
            running.set()
            await asyncio.sleep(0)
            replays.remember(_replay(command))

    task = asyncio.ensure_future(first())
    await running.wait()
    with pytest.raises(Replayed):
        await _run(replays, command)
    await task
    assert replays._running == {}


async def test_a_twin_runs_when_the_first_one_failed() -> None:
    replays, command = Replays(Store(), ManualClock()), _command("k")
    running = asyncio.Event()

    async def first() -> None:
        async with replays.once(command):
            running.set()
            await asyncio.sleep(0)
            raise Unavailable("the runtime is gone")

    task = asyncio.ensure_future(first())
    await running.wait()
    assert await _run(replays, command)
    with pytest.raises(Unavailable):
        await task


async def test_parts_get_what_they_got_before_and_another_body_is_refused() -> None:
    store, command = Store(), _command("k")
    parts = [Command("alpha", f"Predict/{name}", "k", b"body", lambda _: b"") for name in "ab"]
    replays = Replays(store, ManualClock())
    async with replays.parts(command, parts) as known:
        assert known.answered == {}
        await replays.store([_replay(parts[0])])
    for again in (replays, Replays(store, ManualClock())):
        async with again.parts(command, parts) as known:
            assert known.answered == {replay_digest(parts[0]): b"answer"}
        with pytest.raises(InvalidArgument):
            async with again.parts(_command("k", b"other"), []):
                pass


async def test_without_the_store_commands_still_run() -> None:
    store = Store()
    store.away = True
    replays = Replays(store, ManualClock())
    assert await _run(replays, _command("k"))
    await replays.store([_replay(_command("k"))])


async def test_memory_is_bounded_by_bytes() -> None:
    replays = Replays(Store(), ManualClock(), max_bytes=6_200)
    for number in range(100):
        replays.remember(_replay(_command(str(number)), b"x" * 100))
    assert len(replays._recent) == 10
    with pytest.raises(Replayed):
        await _run(replays, _command("99"))
    assert await _run(replays, _command("0"))
    before = replays._bytes
    replays.remember(_replay(_command("99"), b"y" * 50))
    assert replays._bytes == before - 50


async def test_a_command_whose_answer_is_not_kept_runs_again_on_the_day_of_its_first_sight() -> None:
    clock = ManualClock()
    replays, command = Replays(Store(), clock), _command("k")
    first = clock.now().date()
    replays.remember(Replay(replay_digest(command), command.fingerprint, b"", first))
    clock.advance(20 * 3_600)
    async with replays.once(command) as day:
        assert day == first
    with pytest.raises(InvalidArgument):
        await _run(replays, _command("k", b"other"))


async def test_parts_of_a_command_keep_the_day_of_its_first_sight_over_midnight() -> None:
    clock, store = ManualClock(), Store()
    clock.advance(23 * 3_600)
    command, part = _command("k"), Command("alpha", "Predict/a", "k", b"body", lambda _: b"")
    days: list[date] = []
    for _ in range(2):
        async with Replays(store, clock).parts(command, [part]) as parts:
            days.append(parts.day)
            assert parts.answered == {}
        clock.advance(7_200)
    assert days == [date(2013, 3, 1), date(2013, 3, 1)]
