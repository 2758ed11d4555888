"""What a bus in memory keeps."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fp_kernel import Error, Unavailable

from fp_events.consumers import Broadcast
from fp_events.envelope import MESSAGE_ID, Outgoing
from fp_events.streams import Retention, Stream
from fp_events.subjects import matches


@dataclass(frozen=True, slots=True)
class Kept:
    """passing: no durable wanted it when it came to an interest stream, so that a later one does not get it."""

    number: int
    message: Outgoing
    passing: bool = False


class MemoryLog:
    """All messages of all streams in the order of their arrival."""

    def __init__(self) -> None:
        self.messages: list[Kept] = []
        self._streams: dict[str, Stream] = {}
        self._ids: set[tuple[str, str]] = set()
        self._number = 0
        self._listeners: list[tuple[Sequence[str], Callable[[Kept], None]]] = []
        self._arrival = asyncio.Event()

    def keep(self, streams: Sequence[Stream]) -> None:
        for stream in streams:
            self._streams[stream.name] = stream

    def listen(self, patterns: Sequence[str], listener: Callable[[Kept], None]) -> None:
        """Be called for what is kept already and for every later message of the patterns."""
        for kept in _matching(self._past(), patterns):
            listener(kept)
        self._listeners.append((patterns, listener))

    def append(self, message: Outgoing) -> Error | None:
        """Keep the message, once for each Nats-Msg-Id; the error when no stream has its subject."""
        stream = self._stream_of(message.subject)
        if stream is None:
            return Unavailable("no stream keeps the event", reason="NO_STREAM")
        identity = (stream.name, message.headers.get(MESSAGE_ID, ""))
        if identity[1] and identity in self._ids:
            return None
        self._ids.add(identity)
        self._number += 1
        listeners = [listener for patterns, listener in self._listeners if _fits(patterns, message.subject)]
        kept = Kept(self._number, message, passing=stream.retention is Retention.INTEREST and not listeners)
        self.messages.append(kept)
        for listener in listeners:
            listener(kept)
        self._arrival.set()
        self._arrival = asyncio.Event()
        return None

    def _stream_of(self, subject: str) -> Stream | None:
        for stream in self._streams.values():
            if _fits(stream.subjects, subject):
                return stream
        return None

    def remove(self, number: int) -> None:
        self.messages = [kept for kept in self.messages if kept.number != number]

    def start(self, broadcast: Broadcast) -> tuple[int, list[Kept]]:
        """Where a broadcast begins, and what it is told of the past."""
        past = _matching(self._past(), broadcast.subjects)
        if broadcast.deliver == "new":
            past = []
        elif broadcast.deliver == "last_per_subject":
            newest = {kept.message.subject: kept for kept in past}
            past = sorted(newest.values(), key=lambda kept: kept.number)
        return self._number, past

    async def after(self, number: int, patterns: Sequence[str]) -> tuple[int, list[Kept]]:
        """Wait for messages behind `number`."""
        while self._number == number:
            await self._arrival.wait()
        newer = [kept for kept in self.messages if kept.number > number]
        return self._number, _matching(newer, patterns)

    def _past(self) -> list[Kept]:
        return [kept for kept in self.messages if not kept.passing]


def _matching(messages: Sequence[Kept], patterns: Sequence[str]) -> list[Kept]:
    return [kept for kept in messages if _fits(patterns, kept.message.subject)]


def _fits(patterns: Sequence[str], subject: str) -> bool:
    return any(matches(pattern, subject) for pattern in patterns)
