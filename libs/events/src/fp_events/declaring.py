"""Streams and durables as the server keeps them."""

from collections.abc import Sequence
from typing import Any, Final

from fp_kernel import FailedPrecondition

from fp_events.connection import Connection
from fp_events.consumers import Consumer
from fp_events.streams import Stream

_NANOSECONDS: Final = 1_000_000_000
_NAME_IN_USE: Final = "10058"
_WAITING_PULLS: Final = 512


class Declarer:
    """Creates and updates; safe to repeat and to run from many processes at once."""

    def __init__(self, connection: Connection, replicas: int) -> None:
        self._connection = connection
        self._replicas = replicas

    async def ensure(self, streams: Sequence[Stream], consumers: Sequence[Consumer]) -> None:
        for stream in streams:
            await self._ensure_stream(stream)
        for consumer in consumers:
            for stream in consumer.streams:
                await self.ensure_durable(consumer, stream)

    async def ensure_durable(self, consumer: Consumer, stream: Stream) -> None:
        """Raises FailedPrecondition when the server keeps it in a way that cannot be changed."""
        request = {"stream_name": stream.name, "config": self._durable(consumer, stream)}
        await self._connection.api(f"CONSUMER.CREATE.{stream.name}.{consumer.name}", request)

    async def lag(self, consumer: Consumer, stream: Stream) -> int:
        """Events that the durable has not acknowledged, those in flight included."""
        info = await self._connection.api(f"CONSUMER.INFO.{stream.name}.{consumer.name}")
        return int(info["num_pending"]) + int(info["num_ack_pending"])

    async def _ensure_stream(self, stream: Stream) -> None:
        wanted = self._stream(stream)
        try:
            await self._connection.api(f"STREAM.CREATE.{stream.name}", wanted)
        except FailedPrecondition as refused:
            if refused.metadata.get("bus_error") != _NAME_IN_USE:
                raise
            kept = (await self._connection.api(f"STREAM.INFO.{stream.name}"))["config"]
            # Replicas and placement belong to the operator once the stream is there.
            changed = {**kept, **wanted, "num_replicas": kept["num_replicas"]}
            if changed != kept:
                await self._connection.api(f"STREAM.UPDATE.{stream.name}", changed)

    def _stream(self, stream: Stream) -> dict[str, Any]:
        return {
            "name": stream.name,
            "subjects": list(stream.subjects),
            "retention": stream.retention.value,
            "storage": "file",
            "num_replicas": self._replicas,
            "max_age": int(stream.max_age.total_seconds()) * _NANOSECONDS,
            "max_bytes": stream.max_bytes,
            "max_msgs": -1,
            "max_consumers": -1,
            "max_msg_size": -1,
            # A full stream says no to its producer, who keeps the event; the other choice forgets old ones silently.
            "discard": "new",
            "duplicate_window": int(stream.duplicate_window.total_seconds()) * _NANOSECONDS,
            "allow_direct": True,
        }

    def _durable(self, consumer: Consumer, stream: Stream) -> dict[str, Any]:
        return {
            "name": consumer.name,
            "durable_name": consumer.name,
            "filter_subjects": list(consumer.streams[stream]),
            "deliver_policy": "all",
            "ack_policy": "explicit",
            "ack_wait": int(consumer.ack_wait * _NANOSECONDS),
            # The consumer counts attempts itself: the server would stop delivering and tell nobody.
            "max_deliver": -1,
            "max_ack_pending": consumer.max_in_flight,
            "max_waiting": _WAITING_PULLS,
            "replay_policy": "instant",
        }
