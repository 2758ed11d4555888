"""Everything that is declared, created ahead of a deploy."""

from collections.abc import Sequence

from fp_events.bus import Bus
from fp_events.consumers import CONSUMERS, Consumer
from fp_events.streams import STREAMS, Stream


async def init(bus: Bus, streams: Sequence[Stream] = STREAMS, consumers: Sequence[Consumer] = CONSUMERS) -> None:
    """Create or update every stream and durable: an interest stream keeps a message only for durables that exist."""
    await bus.ensure(streams, consumers)
