"""What goes into the prediction log: whole predictions that a policy takes, without what it masks."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from struct import pack

import pytest
from forgepoint.events.v1 import events_pb2 as pb
from fp_events import EncodedEvent, Published, decode
from fp_inference.adapters.events import LOGGED
from fp_inference.adapters.log_policies import JsonPolicyFile
from fp_inference.adapters.made import Made
from fp_inference.adapters.spool.builder import Builder
from fp_inference.adapters.spool.raw import FIRST_TENSOR, raw
from fp_inference.adapters.spool.records import Record
from fp_inference.adapters.spool.spool import Spool
from fp_inference.adapters.spool.tailer import Tailer
from fp_inference.app.logged_models import LoggedModels, LogPolicy
from fp_inference.app.replays import Replays
from fp_kernel import PermissionDenied, Unavailable
from fp_kernel.signatures import Column, Signature, TensorSpec
from fp_kernel.tensors import ElementType, Tensor
from fp_telemetry import Metrics
from fp_testkit.clock import ManualClock
from inference_fakes.logged import FakeMonitor, MemoryFile, models

_AT = datetime(2013, 3, 1, 12, tzinfo=UTC)
_SIGNATURE = Signature(
    (TensorSpec("x", ElementType.FLOAT32, (-1, 2), (Column("age", ()), Column("hour", ()))),),
    (TensorSpec("p", ElementType.FLOAT32, (-1, 1), ()),),
)


class LogBus:
    """refusals: how often it refuses messages of the log. away: it takes nothing."""

    def __init__(self, refusals: int = 0) -> None:
        self.refusals = refusals
        self.away = False
        self.messages: dict[str, EncodedEvent] = {}

    async def send(self, messages: Sequence[EncodedEvent]) -> Published:
        taken, failed = {}, {}
        for each in messages:
            if self.away:
                failed[each.id] = Unavailable("away")
            elif each.subject == LOGGED and self.refusals:
                failed[each.id] = PermissionDenied("no")
            else:
                taken[each.id] = each
        self.refusals = max(0, self.refusals - 1)
        self.messages |= taken
        return Published(frozenset(taken), failed)

    @property
    def logged(self) -> list[pb.LoggedPrediction]:
        found = [decode(each.data).payload for each in self.messages.values() if each.subject == LOGGED]
        return [one for each in found for one in each.predictions]


class NoReplays(Replays):
    def __init__(self) -> None:
        pass

    async def store(self, replays: Sequence[object]) -> None:
        pass


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(tmp_path, max_bytes=1_000_000, segment_bytes=100_000)
    yield spool
    spool.close()


def _made(number: int, **changes: object) -> Made:
    made = Made(
        "alpha",
        "id of delays",
        "delays",
        "3",
        f"request-{number}",
        "",
        "ann",
        "",
        "",
        False,
        1_500_000,
        _AT,
        1,
        [],
        {"x": Tensor(ElementType.FLOAT32, (1, 2), pack("<2f", 40.0, number))},
        {"p": Tensor(ElementType.FLOAT32, (1, 1), pack("<f", 0.25))},
    )
    return replace(made, **changes)


def _append(spool: Spool, *predictions: Made) -> None:
    layout = spool.layouts.digest(_SIGNATURE)
    for each in predictions:
        spool.append(Record(raw(each, layout), None))


def _tailer(spool: Spool, bus: LogBus, logged: LoggedModels, metrics: Metrics | None = None) -> Tailer:
    metrics, clock = metrics or Metrics("inference"), ManualClock()
    builder = Builder(spool.layouts, clock, metrics)
    return Tailer(
        spool, bus.send, NoReplays(), builder=builder, models=logged, metrics=metrics, clock=clock, max_age=3_600.0
    )


async def test_a_logged_prediction_has_its_tensors_byte_by_byte(spool: Spool) -> None:
    bus = LogBus()
    _append(spool, _made(7, is_canary=True))
    await _tailer(spool, bus, models(sample_bps=10_000)).flush()
    (found,) = bus.logged
    assert (found.request_id, found.is_canary, found.rows) == ("request-7", True, 1)
    assert found.answered_at.ToDatetime(UTC) == _AT
    assert found.latency.ToMicroseconds() == 1_500
    (x,) = found.inputs
    assert (x.name, list(x.shape), x.data, list(x.columns)) == ("x", [1, 2], pack("<2f", 40.0, 7), ["age", "hour"])
    (p,) = found.outputs
    assert (p.name, list(p.shape), p.data) == ("p", [1, 1], pack("<f", 0.25))


async def test_values_that_a_policy_masks_never_reach_the_bus_in_the_log(spool: Spool) -> None:
    bus = LogBus()
    _append(spool, _made(7))
    await _tailer(spool, bus, models("age", "p", sample_bps=10_000)).flush()
    (found,) = bus.logged
    assert found.inputs[0].data == pack("<2f", 0.0, 7)
    assert found.outputs[0].data == bytes(4)
    assert list(found.masked) == ["age", "p"]


async def test_nothing_is_logged_of_a_model_without_a_policy(spool: Spool) -> None:
    bus = LogBus()
    _append(spool, _made(1), _made(2, model_name="other"), _made(3, team="beta"))
    await _tailer(spool, bus, models(model="other", sample_bps=10_000)).flush()
    assert [each.request_id for each in bus.logged] == ["request-2"]
    assert sum(each.subject != LOGGED for each in bus.messages.values()) == 3


async def test_a_share_of_the_predictions_is_the_same_whoever_asks(spool: Spool) -> None:
    bus, again = LogBus(), LogBus()
    _append(spool, *map(_made, range(400)))
    await _tailer(spool, bus, models(sample_bps=2_500)).flush()
    _append(spool, *map(_made, range(400)))
    await _tailer(spool, again, models(sample_bps=5_000)).flush()
    less, more = ({each.request_id for each in found.logged} for found in (bus, again))
    assert less < more
    assert 60 < len(less) < 140
    assert 150 < len(more) < 250


async def test_a_round_that_is_sent_again_has_the_same_messages(spool: Spool) -> None:
    bus, logged = LogBus(), models(sample_bps=10_000)
    bus.away = True
    _append(spool, *map(_made, range(30)))
    assert not await _tailer(spool, bus, logged).step()
    bus.away = False
    await _tailer(spool, bus, logged).flush()
    assert sorted(each.request_id for each in bus.logged) == sorted(f"request-{number}" for number in range(30))


async def test_a_log_that_the_bus_refuses_holds_no_other_event_back(spool: Spool) -> None:
    metrics = Metrics("inference")
    bus = LogBus(refusals=100)
    _append(spool, *map(_made, range(5)))
    await _tailer(spool, bus, models(sample_bps=10_000), metrics).flush()
    assert spool.read(10) == []
    assert [each.subject for each in bus.messages.values()] == ["fp.inference.recorded"]
    assert metrics.registry.get_sample_value("fp_inference_predictions_unlogged_total", {"reason": "refused"}) == 5


async def test_a_log_that_the_bus_refuses_once_is_sent_again(spool: Spool) -> None:
    bus = LogBus(refusals=1)
    _append(spool, *map(_made, range(5)))
    await _tailer(spool, bus, models(sample_bps=10_000)).flush()
    assert len(bus.logged) == 5


async def test_a_prediction_that_cannot_be_read_is_counted_and_the_others_are_logged(spool: Spool) -> None:
    metrics, bus = Metrics("inference"), LogBus()
    _append(spool, _made(1))
    damaged = raw(_made(2), spool.layouts.digest(_SIGNATURE))
    damaged.sections = [*damaged.sections[:FIRST_TENSOR], b"no tensor", *damaged.sections[FIRST_TENSOR + 1 :]]
    spool.append(Record(damaged, None))
    _append(spool, _made(3))
    await _tailer(spool, bus, models(sample_bps=10_000), metrics).flush()
    assert [each.request_id for each in bus.logged] == ["request-1", "request-3"]
    assert metrics.registry.get_sample_value("fp_inference_predictions_unlogged_total", {"reason": "unreadable"}) == 1


async def test_calls_have_their_turn_while_a_round_is_logged(spool: Spool) -> None:
    async def turns(logged: LoggedModels) -> int:
        _append(spool, *map(_made, range(320)))
        round_ = asyncio.create_task(_tailer(spool, LogBus(), logged).step())
        count = 0
        while not round_.done():
            count += 1
            await asyncio.sleep(0)
        assert await round_
        return count

    assert await turns(models(sample_bps=10_000)) >= await turns(models(model="other", sample_bps=10_000)) + 20


async def test_messages_of_the_log_have_a_bound_in_bytes(spool: Spool) -> None:
    bus = LogBus()
    wide = {"x": Tensor(ElementType.FLOAT32, (1, 8_000), bytes(32_000))}
    _append(spool, *(_made(number, inputs=wide) for number in range(5)))
    await _tailer(spool, bus, models(sample_bps=10_000)).flush()
    sizes = [len(each.data) for each in bus.messages.values() if each.subject == LOGGED]
    assert len(sizes) == 3
    assert max(sizes) < 66_000
    assert len(bus.logged) == 5


async def test_what_was_heard_last_holds_while_monitor_is_away_and_for_the_next_process(tmp_path: Path) -> None:
    monitor, file = FakeMonitor({("alpha", "delays"): LogPolicy(10_000, ("age",))}), JsonPolicyFile(tmp_path / "l.json")
    first = LoggedModels(monitor, file)
    assert first.taken("alpha", "delays", "r") is None
    await first.refresh()
    monitor.away = True
    await first.refresh()
    for process in (first, LoggedModels(monitor, file)):
        assert process.taken("alpha", "delays", "r") == LogPolicy(10_000, ("age",))
        assert process.logs("alpha")
        assert process.taken("beta", "delays", "r") is None


async def test_a_policy_that_ended_logs_nothing_more() -> None:
    monitor = FakeMonitor({("alpha", "delays"): LogPolicy(10_000, ())})
    logged = LoggedModels(monitor, MemoryFile())
    await logged.refresh()
    monitor.policies = {}
    await logged.refresh()
    assert logged.taken("alpha", "delays", "r") is None
    assert not logged.logs("alpha")


def test_a_damaged_file_of_policies_is_no_policy(tmp_path: Path) -> None:
    (tmp_path / "l.json").write_text('[["alpha", "delays"')
    assert JsonPolicyFile(tmp_path / "l.json").load() == {}
