"""What is in the spool reaches the bus, whatever the bus does."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from fp_events import Outgoing, Published
from fp_inference.adapters.spool.records import Record
from fp_inference.adapters.spool.spool import Spool
from fp_inference.adapters.spool.tailer import Tailer
from fp_inference.app.replays import Replays
from fp_inference.app.values import Replay
from fp_kernel import Error, InvalidArgument, Unavailable
from fp_telemetry import Metrics


class FakeBus:
    """refuses: by event id. broken: the next sends raise."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.refuses: dict[str, Error] = {}
        self.broken: list[Exception] = []

    async def send(self, messages: Sequence[Outgoing]) -> Published:
        if self.broken:
            raise self.broken.pop()
        failed = {message.id: self.refuses[message.id] for message in messages if message.id in self.refuses}
        acked = [message.id for message in messages if message.id not in failed]
        self.sent += acked
        return Published(frozenset(acked), failed)


class KeptReplays(Replays):
    def __init__(self) -> None:
        self.stored: list[bytes] = []

    async def store(self, replays: Sequence[Replay]) -> None:
        self.stored += [replay.digest for replay in replays]


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(tmp_path, max_bytes=1_000_000, segment_bytes=2_000)
    yield spool
    spool.close()


@pytest.fixture
def bus() -> FakeBus:
    return FakeBus()


def _append(spool: Spool, *numbers: int) -> None:
    for number in numbers:
        replay = Replay(b"%d" % number, b"", b"") if number % 2 else None
        spool.append(Record(Outgoing(f"id-{number}", "fp.inference.completed", b"x", {}), replay))


def _tailer(spool: Spool, bus: FakeBus, replays: Replays | None = None) -> Tailer:
    return Tailer(spool, bus.send, replays or KeptReplays(), Metrics("inference"))


async def test_everything_is_published_in_order_and_committed(spool: Spool, bus: FakeBus) -> None:
    replays = KeptReplays()
    _append(spool, *range(300))
    await _tailer(spool, bus, replays).flush()
    assert bus.sent == [f"id-{number}" for number in range(300)]
    assert replays.stored == [b"%d" % number for number in range(1, 300, 2)]
    assert spool.read(10) == []
    assert not spool.changed.is_set()


async def test_what_the_bus_did_not_take_is_sent_again_from_there(spool: Spool, bus: FakeBus) -> None:
    _append(spool, *range(5))
    bus.refuses["id-2"] = Unavailable("the stream is full")
    tailer = _tailer(spool, bus)
    assert not await tailer.step()
    assert bus.sent == ["id-0", "id-1", "id-3", "id-4"]
    bus.refuses.clear()
    assert await tailer.step()
    assert bus.sent[4:] == ["id-2", "id-3", "id-4"]


async def test_a_send_that_breaks_loses_nothing(spool: Spool, bus: FakeBus) -> None:
    _append(spool, 0, 1)
    bus.broken.append(RuntimeError("bug"))
    tailer = _tailer(spool, bus)
    with pytest.raises(RuntimeError):
        await tailer.step()
    assert spool.changed.is_set()
    assert await tailer.step()
    assert bus.sent == ["id-0", "id-1"]


async def test_what_can_never_be_published_is_set_aside_and_holds_nobody_back(
    spool: Spool, bus: FakeBus, tmp_path: Path
) -> None:
    _append(spool, *range(3))
    bus.refuses["id-1"] = InvalidArgument("too large")
    assert await _tailer(spool, bus).step()
    assert bus.sent == ["id-0", "id-2"]
    assert b"id-1" in (tmp_path / "refused").read_bytes()


async def test_a_flush_gives_up_when_the_bus_is_away(spool: Spool, bus: FakeBus) -> None:
    _append(spool, 0)
    bus.refuses["id-0"] = Unavailable("away")
    await _tailer(spool, bus).flush()
    assert spool.changed.is_set()
