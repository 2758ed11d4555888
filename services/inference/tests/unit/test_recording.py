from types import SimpleNamespace

import pytest
from fp_events import Consumer
from fp_inference import recording
from fp_kernel import Unavailable
from fp_testkit.memory_bus import MemoryBus

METERING = Consumer("billing", ("fp.inference.recorded",), holds=True)


@pytest.fixture
def fed(monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], SimpleNamespace]:
    """What happened in which order, and a tailer that tells when it begins."""
    monkeypatch.setattr(recording, "CONSUMERS", (METERING, Consumer("registry", ("fp.models.>",))))
    happened: list[str] = []

    async def run() -> None:
        happened.append("fed")

    return happened, SimpleNamespace(run=run)


async def test_the_stream_is_fed_after_the_durables_that_want_its_events_are_made(fed):
    happened, tailer = fed

    class Bus(MemoryBus):
        async def ensure(self, streams, consumers):
            happened.extend(consumer.name for consumer in consumers)
            assert {"INFERENCE", "PREDICTIONS"} <= {stream.name for stream in streams}

    await recording.feed(Bus("inference"), tailer)
    assert happened == ["billing", "fed"]


async def test_nothing_is_fed_while_the_bus_is_away(fed):
    happened, tailer = fed

    class Away(MemoryBus):
        async def ensure(self, streams, consumers):
            raise Unavailable("the event bus is away")

    with pytest.raises(Unavailable):
        await recording.feed(Away("inference"), tailer)
    assert not happened
