"""Which of several runtimes of a version gets a prediction, and what becomes of those that one of them lost."""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from fp_inference.app.replicas import ReplicaPolicy, Replicas
from fp_inference.domain.breaker import BreakerPolicy
from fp_inference.domain.pace import SlowPolicy
from fp_inference.domain.routes import Target
from fp_kernel import DeadlineExceeded, Error, Internal, InvalidArgument, Kind, NotFound, ResourceExhausted, Unavailable
from fp_testkit.clock import ManualClock

_TARGET = Target("m", "id-1", "1", "ipv4:a,b,c", 10_000, 1, datetime(2013, 1, 1, tzinfo=UTC))
_SECONDS = 10.0


class FakeReplica:
    """says: what it raises, one after the other, before it answers with its address. gate: what its calls wait for."""

    def __init__(self, address: str, clock: ManualClock) -> None:
        self.address = address
        self.says: list[Error] = []
        self.gate: asyncio.Event | None = None
        self.hangs = False
        self.ready = False
        self.closed = False
        self.calls = 0
        self.given: list[float] = []
        self._clock = clock

    async def predict(self, request: Any, seconds: float) -> str:
        self.calls += 1
        self.given.append(seconds)
        if self.hangs:
            self._clock.advance(seconds)
            raise DeadlineExceeded("it did not answer in time")
        if self.gate is not None:
            await self.gate.wait()
        if self.says:
            raise self.says.pop(0)
        return self.address

    async def is_ready(self, target: Target) -> bool:
        if self.gate is not None:
            await self.gate.wait()
        return self.ready

    async def close(self) -> None:
        self.closed = True


class Setting:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.all: dict[str, FakeReplica] = {}
        self.lost_kinds: Counter[Kind] = Counter()
        policy = ReplicaPolicy(
            BreakerPolicy(failures=3, open_seconds=5.0, successes=1, unreachable=1), SlowPolicy(least=0.25, unknown=1.0)
        )
        self.replicas = Replicas(self._opened, self.clock, self, policy)

    def _opened(self, address: str) -> FakeReplica:
        self.all[address] = FakeReplica(address, self.clock)
        return self.all[address]

    def lost(self, kind: Kind) -> None:
        self.lost_kinds[kind] += 1

    async def ask(self, count: int = 1) -> Counter[str]:
        return Counter([await self.replicas.predict("request", _SECONDS) for _ in range(count)])


@pytest.fixture
def setting() -> Setting:
    made = Setting()
    made.replicas.place(("a", "b", "c"))
    return made


async def test_idle_replicas_take_turns(setting: Setting) -> None:
    assert await setting.ask(9) == {"a": 3, "b": 3, "c": 3}


async def test_the_one_with_the_fewest_calls_under_way_is_asked(setting: Setting) -> None:
    for busy in ("a", "c"):
        setting.all[busy].gate = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        waiting = [tasks.create_task(setting.ask()) for _ in range(3)]
        await asyncio.sleep(0)
        assert await setting.ask(5) == {"b": 5}
        for busy in ("a", "c"):
            setting.all[busy].gate.set()
    assert sorted(address for each in waiting for address in each.result()) == ["a", "b", "c"]


async def test_of_very_many_the_better_of_two_is_asked(setting: Setting) -> None:
    setting.replicas.place([str(number) for number in range(40)])
    for replica in list(setting.all.values())[3:]:
        replica.gate = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        waiting = [tasks.create_task(setting.ask()) for _ in range(40)]
        await asyncio.sleep(0)
        # At random each would have one call; nobody has many.
        assert max(replica.calls for replica in setting.all.values()) <= 4
        for replica in setting.all.values():
            if replica.gate is not None:
                replica.gate.set()
    assert len(waiting) == 40


@pytest.mark.parametrize("error", [Unavailable("refused"), NotFound("another model", reason="WRONG_RUNTIME")])
async def test_what_a_dead_one_lost_another_one_answers_and_it_is_left_out(setting: Setting, error: Error) -> None:
    setting.all["a"].says = [error] * 9
    answers = await setting.ask(30)
    assert set(answers) == {"b", "c"}
    assert setting.all["a"].calls == 1
    assert sum(setting.lost_kinds.values()) == 1


async def test_all_calls_that_a_dead_one_had_are_answered_by_others(setting: Setting) -> None:
    gate = asyncio.Event()
    for replica in setting.all.values():
        replica.gate = gate
    setting.all["a"].says = [Unavailable("lost")] * 99
    async with asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(setting.ask()) for _ in range(90)]
        for _ in range(3):
            await asyncio.sleep(0)
        gate.set()
    assert sum(len(each.result()) for each in asked) == 90
    assert setting.all["a"].calls > 20, "more than any budget of retries"


async def test_one_that_is_seen_again_is_asked_again(setting: Setting) -> None:
    setting.all["a"].says = [Unavailable("refused")]
    await setting.ask(3)
    await setting.replicas.look(_TARGET)
    assert "a" not in await setting.ask(6)
    setting.all["a"].ready = True
    await setting.replicas.look(_TARGET)
    assert (await setting.ask(6))["a"] == 2


async def test_where_all_are_left_out_one_is_asked_all_the_same(setting: Setting) -> None:
    for replica in setting.all.values():
        replica.says = [Unavailable("refused")]
    with pytest.raises(Unavailable):
        await setting.ask()
    assert {replica.calls for replica in setting.all.values()} == {1}
    assert sum((await setting.ask(3)).values()) == 3


async def test_one_that_hangs_costs_a_moment_and_after_some_is_left_out(setting: Setting) -> None:
    setting.all["a"].hangs = True
    answers = await setting.ask(30)
    assert set(answers) == {"b", "c"}
    assert setting.all["a"].given == [1.0] * 3, "as long as is patient with one whose pace is not known"


async def test_patience_is_a_few_times_what_answers_take(setting: Setting) -> None:
    await setting.ask(300)
    setting.all["a"].hangs = True
    await setting.ask(3)
    assert setting.all["a"].given[-1] == 0.25


async def test_without_budget_a_slow_one_gets_all_the_time(setting: Setting) -> None:
    for replica in setting.all.values():
        replica.says = [ResourceExhausted("full", retry_after=0.1)] * 99
    for _ in range(20):
        with pytest.raises(ResourceExhausted):
            await setting.ask()
    calls = sum(replica.calls for replica in setting.all.values())
    assert 30 <= calls <= 35, "ten retries were saved, and one is earned by ten calls"
    setting.all["a"].says, setting.all["a"].hangs = [], True
    with pytest.raises((DeadlineExceeded, ResourceExhausted)):
        await setting.ask(3)
    assert max(setting.all["a"].given) == _SECONDS


@pytest.mark.parametrize("error", [InvalidArgument("bad"), Internal("the model failed")])
async def test_what_every_replica_would_say_is_said_at_once(setting: Setting, error: Error) -> None:
    setting.all["a"].says = [error]
    with pytest.raises(type(error)):
        await setting.ask()
    assert sum(replica.calls for replica in setting.all.values()) == 1


async def test_a_caller_that_gives_up_at_once_says_nothing_against_a_replica(setting: Setting) -> None:
    setting.all["a"].gate = asyncio.Event()
    for _ in range(9):
        asked = asyncio.create_task(setting.ask())
        await asyncio.sleep(0)
        asked.cancel()
        await asyncio.wait([asked])
    setting.all["a"].gate = None
    assert (await setting.ask(3))["a"] == 1


async def test_one_that_is_not_wanted_any_more_answers_what_it_has_and_is_closed(setting: Setting) -> None:
    setting.all["a"].gate = asyncio.Event()
    asked = asyncio.create_task(setting.ask())
    await asyncio.sleep(0)
    setting.replicas.place(("b", "c"))
    await setting.replicas.look(_TARGET)
    assert "a" not in await setting.ask(6)
    assert not setting.all["a"].closed
    setting.all["a"].gate.set()
    assert await asked == {"a": 1}
    await setting.replicas.look(_TARGET)
    assert setting.all["a"].closed


async def test_one_that_is_asked_whether_it_is_ready_is_not_closed_meanwhile(setting: Setting) -> None:
    setting.all["a"].gate, setting.all["a"].ready = asyncio.Event(), True
    asked = asyncio.create_task(setting.replicas.any_ready(_TARGET))
    await asyncio.sleep(0)
    setting.replicas.place(("b", "c"))
    await setting.replicas.look(_TARGET)
    assert not setting.all["a"].closed
    setting.all["a"].gate.set()
    assert await asked
    await setting.replicas.look(_TARGET)
    assert setting.all["a"].closed


async def test_one_that_is_asked_to_describe_its_model_is_not_closed_meanwhile(setting: Setting) -> None:
    with setting.replicas.first() as replica:
        setting.replicas.place(())
        await setting.replicas.look(_TARGET)
        assert not replica.closed
    await setting.replicas.look(_TARGET)
    assert replica.closed


async def test_one_that_never_answers_is_closed_at_last(setting: Setting) -> None:
    setting.all["a"].gate = asyncio.Event()
    asked = asyncio.create_task(setting.ask())
    await asyncio.sleep(0)
    setting.replicas.place(("b", "c"))
    setting.clock.advance(31)
    await setting.replicas.look(_TARGET)
    assert setting.all["a"].closed
    asked.cancel()
    await asyncio.wait([asked])


async def test_one_alone_is_guarded_by_whoever_chose_it(setting: Setting) -> None:
    setting.replicas.place(("a",))
    setting.all["a"].says = [Unavailable("refused")] * 3
    for _ in range(3):
        with pytest.raises(Unavailable):
            await setting.ask()
    assert setting.all["a"].given == [_SECONDS] * 3
    assert await setting.ask() == {"a": 1}
    assert not setting.lost_kinds


async def test_without_a_replica_there_is_no_answer(setting: Setting) -> None:
    empty = Setting()
    with pytest.raises(Unavailable):
        await empty.ask()
    with pytest.raises(Unavailable), empty.replicas.first():
        raise AssertionError
