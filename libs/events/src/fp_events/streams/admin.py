"""Streams and durables as the server stores them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

from fp_kernel import FailedPrecondition, Unavailable
from fp_telemetry import get_logger

from fp_events.connection import Connection, Missing
from fp_events.consumer.catalog import RETIRED
from fp_events.consumer.declaration import Consumer
from fp_events.consumer.gap import Position
from fp_events.message.subjects import intersection
from fp_events.refusals import Forbidden
from fp_events.streams import DLQ, STREAMS, Stream, with_relatives
from fp_events.streams.limits import limited

log = get_logger(__name__)

_NANOSECONDS: Final = 1_000_000_000
_NAME_IN_USE: Final = "10058"
_SUBJECTS_OVERLAP: Final = "10065"
_WAITING_PULLS: Final = 512


@dataclass(frozen=True, slots=True)
class Fill:
    """How full a stream is, in bytes. most: 0 for no limit."""

    stream: Stream
    held: int
    most: int

    @property
    def share(self) -> float:
        return self.held / self.most if self.most else 0.0


class JetStreamAdmin:
    """Creates and updates; safe to repeat and to run from many processes at once.

    Where the server does not let this user do so it only looks whether what it would make is there: whoever may change
    a stream can have the server publish under any name (ADR 0193).
    """

    def __init__(self, connection: Connection, replicas: int) -> None:
        self._connection = connection
        self._replicas = replicas
        self._may_make = True

    async def ensure(self, streams: Sequence[Stream], consumers: Sequence[Consumer]) -> None:
        # A durable for replays needs the dead letters' stream, which the caller may not have named.
        for stream in with_relatives([*streams, *([DLQ] if consumers else [])]):
            await self._made_or_there(f"STREAM.INFO.{stream.name}", partial(self._ensure_stream, stream))
        for consumer in consumers:
            for stream in consumer.streams:
                await self.ensure_durable(consumer, stream)
        # Behind the new durables: on an interest stream the retired ones hold what the new ones have not seen.
        for stream in streams if self._may_make else ():
            for name in RETIRED.get(stream.name, ()):
                with suppress(Missing, Forbidden):
                    await self._connection.api(f"CONSUMER.DELETE.{stream.name}.{name}")

    async def ensure_durable(self, consumer: Consumer, stream: Stream) -> None:
        """Raises FailedPrecondition when the server stores it in a way that cannot be changed."""
        request = {"stream_name": stream.name, "config": self._durable(consumer, stream)}
        place = f"{stream.name}.{consumer.name}"
        make = partial(self._connection.api, f"CONSUMER.CREATE.{place}", request)
        await self._made_or_there(f"CONSUMER.INFO.{place}", make)

    async def _made_or_there(self, look: str, make: Callable[[], Awaitable[object]]) -> None:
        """Raises Unavailable while it is not there and this user may not make it."""
        if self._may_make:
            try:
                await make()
            except Forbidden:
                self._may_make = False
            else:
                return
        try:
            await self._connection.api(look)
        except Missing as missing:
            name = look.split(".", 2)[2]
            raise Unavailable(f"{name} is not on the event bus; its operator makes it by `fp events init`") from missing

    async def lag(self, consumer: Consumer, stream: Stream) -> int:
        """Events that the durable has not acknowledged, those in flight included."""
        info = await self._connection.api(f"CONSUMER.INFO.{stream.name}.{consumer.name}")
        return int(info["num_pending"]) + int(info["num_ack_pending"])

    async def fill(self, streams: Sequence[Stream]) -> Sequence[Fill]:
        """What the server holds of each, and the limit that it has there; those that are not there are left out."""
        found = []
        for stream in streams:
            with suppress(Missing):
                info = await self._connection.api(f"STREAM.INFO.{stream.name}")
                held, most = int(info["state"]["bytes"]), int(info["config"]["max_bytes"])
                found.append(Fill(stream, held, max(most, 0)))
        return found

    async def unread(self, consumer: Consumer, stream: Stream) -> int:
        """Events that no replica of the durable has been handed yet. Raises Missing when there is no such durable."""
        info = await self._connection.api(f"CONSUMER.INFO.{stream.name}.{consumer.name}")
        return int(info["num_pending"])

    async def position(self, consumer: Consumer, stream: Stream) -> Position:
        # The stream first: what is delivered between the two questions must not count as missed.
        asked = await self._connection.api(f"STREAM.INFO.{stream.name}")
        state = asked["state"]
        delivered = (await self._connection.api(f"CONSUMER.INFO.{stream.name}.{consumer.name}"))["delivered"]
        last_active = delivered.get("last_active")
        return Position(
            created=str(asked["created"]),
            first=int(state["first_seq"]),
            oldest=datetime.fromisoformat(state["first_ts" if int(state["messages"]) else "last_ts"]),
            delivered=int(delivered["stream_seq"]),
            delivered_at=datetime.fromisoformat(last_active) if last_active else None,
        )

    async def _ensure_stream(self, stream: Stream) -> None:
        wanted = self._stream(limited(stream))
        if stream.copy_of:
            wanted["sources"] = [{"name": stream.copy_of, "consumer": await self._ensure_feed(stream)}]
        else:
            wanted["subjects"] = list(stream.subjects)
        try:
            await self._create(stream, wanted)
        except FailedPrecondition as refused:
            if refused.metadata.get("bus_error") != _NAME_IN_USE:
                raise
            await self._update(stream, wanted)

    async def _create(self, stream: Stream, wanted: Mapping[str, Any]) -> None:
        try:
            await self._connection.api(f"STREAM.CREATE.{stream.name}", wanted)
        except FailedPrecondition as refused:
            if refused.metadata.get("bus_error") != _SUBJECTS_OVERLAP:
                raise
            # An earlier declaration of another stream has the subjects yet.
            for other in STREAMS:
                if other.name != stream.name and not other.copy_of:
                    with suppress(Missing):
                        await self._update(other, {**self._stream(limited(other)), "subjects": list(other.subjects)})
            await self._connection.api(f"STREAM.CREATE.{stream.name}", wanted)

    async def _update(self, stream: Stream, wanted: Mapping[str, Any]) -> None:
        """Raises Missing when there is none."""
        info = await self._connection.api(f"STREAM.INFO.{stream.name}")
        present: dict[str, Any] = info["config"]
        # Replicas and placement belong to the operator once the stream is there, and so do larger limits.
        changed = {**present, **wanted, "num_replicas": present["num_replicas"], **_largest(present, wanted)}
        if not stream.copy_of:
            changed["subjects"] = _subjects(present.get("subjects", []), stream)
            if _gave_away(present.get("subjects", []), changed["subjects"]):
                # What lies there of the subjects that it gives away must not take the room of those that stay.
                changed["max_bytes"] = _sum(changed["max_bytes"], int(info["state"]["bytes"]))
        if changed != present:
            log.info("stream is changed", stream=stream.name, subjects=changed.get("subjects"))
            await self._connection.api(f"STREAM.UPDATE.{stream.name}", changed)

    async def _ensure_feed(self, copy: Stream) -> dict[str, str]:
        """The durable of the origin by which the server copies: it must be there before the copy.

        Its delivery subject is that of one life of the origin. When that was lost and made anew, the server's old
        reader may not have noticed yet: it would take the first messages for those that it has, and acknowledge them.
        """
        made = (await self._connection.api(f"STREAM.INFO.{copy.copy_of}"))["created"]
        life = "".join(each for each in made if each.isdigit())
        name, deliver = f"copy-{copy.name.lower()}", f"fp-copy.{copy.name.lower()}.{life}"
        config = {
            "name": name,
            "durable_name": name,
            "deliver_subject": deliver,
            "deliver_policy": "all",
            # Acknowledged when the copy has stored it. Without that, messages which the other durables had already
            # acknowledged were deleted before they were copied (ADR 0100).
            "ack_policy": "flow_control",
            "flow_control": True,
            "idle_heartbeat": _NANOSECONDS,
            "replay_policy": "instant",
        }
        request = {"stream_name": copy.copy_of, "config": config}
        await self._connection.api(f"CONSUMER.CREATE.{copy.copy_of}.{name}", request)
        return {"name": name, "deliver_subject": deliver}

    def _stream(self, stream: Stream) -> dict[str, Any]:
        one = {"max_msgs_per_subject": stream.subject_messages, "discard_new_per_subject": True}
        return {
            **(one if stream.subject_messages else {}),
            "name": stream.name,
            "retention": stream.retention.value,
            "storage": "file",
            "num_replicas": self._replicas,
            "max_age": int(stream.max_age.total_seconds()) * _NANOSECONDS,
            "max_bytes": stream.max_bytes,
            "max_msgs": -1,
            "max_consumers": -1,
            "max_msg_size": stream.message_bytes or -1,
            "discard": stream.discard.value,
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
            # The consumer counts attempts itself: the server would stop delivering, and no dead letter would be made.
            "max_deliver": -1,
            "max_ack_pending": consumer.max_in_flight,
            "max_waiting": _WAITING_PULLS,
            "replay_policy": "instant",
        }


def _largest(present: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, int]:
    """Limits never shrink here: an operator who gave a stream more room must find it at the next start."""
    return {
        "max_bytes": -1 if present["max_bytes"] < 0 else max(present["max_bytes"], wanted["max_bytes"]),
        "max_age": 0 if present["max_age"] == 0 else max(present["max_age"], wanted["max_age"]),
    }


def _sum(limit: int, more: int) -> int:
    return limit if limit < 0 else limit + more


def _subjects(present: Sequence[str], stream: Stream) -> list[str]:
    """The declared ones, and what an operator added unless another declared stream has it."""
    others = [subject for other in STREAMS if other.name != stream.name for subject in other.subjects]
    added = [
        subject
        for subject in present
        if not any(intersection(declared, subject) == subject for declared in stream.subjects)
        and not any(intersection(subject, other) for other in others)
    ]
    return [*stream.subjects, *added]


def _gave_away(before: Sequence[str], after: Sequence[str]) -> bool:
    return not all(any(intersection(wide, subject) == subject for wide in after) for subject in before)
