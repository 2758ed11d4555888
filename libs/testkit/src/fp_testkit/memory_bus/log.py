"""The messages of a bus in memory."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from fp_events.consumer.declaration import Broadcast, Consumer
from fp_events.message.envelope import MESSAGE_ID, EncodedEvent
from fp_events.message.subjects import matches
from fp_events.streams import Retention, Stream, with_relatives
from fp_kernel import Error, Unavailable

Patterns = Mapping[str, tuple[str, ...]]
"""By the name of their stream."""


@dataclass(frozen=True, slots=True)
class Stored:
    """stream: its name.

    passing: no durable wanted it when it came to an interest stream, so that a later one does not get it.
    """

    number: int
    message: EncodedEvent
    stream: str
    passing: bool = False


class MemoryLog:
    """All messages of all streams in the order of their arrival."""

    def __init__(self) -> None:
        self.messages: list[Stored] = []
        self._streams: dict[str, Stream] = {}
        self._ids: set[tuple[str, str]] = set()
        self._number = 0
        self._listeners: list[tuple[Patterns, Callable[[Stored], None]]] = []
        self._arrival = asyncio.Event()

    def add_streams(self, streams: Sequence[Stream]) -> None:
        for stream in with_relatives(streams):
            self._streams[stream.name] = stream

    def listen(self, patterns: Patterns, listener: Callable[[Stored], None]) -> None:
        """Be called for each stored message and for every later message of the patterns."""
        for stored in _matching(self._past(), patterns):
            listener(stored)
        self._listeners.append((patterns, listener))

    def append(self, message: EncodedEvent) -> Error | None:
        """Store the message, once for each Nats-Msg-Id; the error when no stream has its subject."""
        stream = self._stream_of(message.subject)
        if stream is None:
            return Unavailable("no stream stores the event", reason="NO_STREAM")
        identity = (stream.name, message.headers.get(MESSAGE_ID, ""))
        if identity[1] and identity in self._ids:
            return None
        self._ids.add(identity)
        self._append(message, stream)
        for copy in [each for each in self._streams.values() if each.copy_of == stream.name]:
            self._append(message, copy)
        self._arrival.set()
        self._arrival = asyncio.Event()
        return None

    def _append(self, message: EncodedEvent, stream: Stream) -> None:
        self._number += 1
        stored = Stored(self._number, message, stream.name)
        listeners = [listener for patterns, listener in self._listeners if _fits(patterns, stored)]
        stored = replace(stored, passing=stream.retention is Retention.INTEREST and not listeners)
        self.messages.append(stored)
        for listener in listeners:
            listener(stored)

    def _stream_of(self, subject: str) -> Stream | None:
        for stream in self._streams.values():
            if not stream.copy_of and any(matches(pattern, subject) for pattern in stream.subjects):
                return stream
        return None

    def remove(self, number: int) -> None:
        self.messages = [stored for stored in self.messages if stored.number != number]

    def start(self, broadcast: Broadcast) -> tuple[int, list[Stored]]:
        """Where a broadcast begins, and the earlier messages that it gets."""
        past = _matching(self._past(), patterns_of(broadcast))
        if broadcast.deliver == "new":
            past = []
        elif broadcast.deliver == "last_per_subject":
            newest = {stored.message.subject: stored for stored in past}
            past = sorted(newest.values(), key=lambda stored: stored.number)
        return self._number, past

    async def after(self, number: int, patterns: Patterns) -> tuple[int, list[Stored]]:
        """Wait for messages behind `number`."""
        while self._number == number:
            await self._arrival.wait()
        newer = [stored for stored in self.messages if stored.number > number]
        return self._number, _matching(newer, patterns)

    def _past(self) -> list[Stored]:
        return [stored for stored in self.messages if not stored.passing]


def patterns_of(reader: Broadcast | Consumer) -> Patterns:
    return {stream.name: patterns for stream, patterns in reader.streams.items()}


def _matching(messages: Sequence[Stored], patterns: Patterns) -> list[Stored]:
    return [stored for stored in messages if _fits(patterns, stored)]


def _fits(patterns: Patterns, stored: Stored) -> bool:
    return any(matches(pattern, stored.message.subject) for pattern in patterns.get(stored.stream, ()))
