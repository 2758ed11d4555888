"""Publishing with many acks under way."""

import asyncio
import itertools
import json
from collections.abc import Sequence
from typing import Final

from fp_kernel import Error, InvalidArgument, Unavailable
from nats import errors
from nats.aio.msg import Msg

from fp_events.bus import Published
from fp_events.cancellation import checkpoint
from fp_events.connection import Connection, refused
from fp_events.message.envelope import EncodedEvent
from fp_events.metrics import BusMetrics
from fp_events.refusals import forbidden

_WINDOW: Final = 1_024  # unacknowledged messages of one process; about a megabyte in flight
_QUIET: Final = 5.0  # seconds


class _Call:
    """One `send`: how many of its messages are open, and what became of the others."""

    def __init__(self, count: int) -> None:
        self.open = count
        self.acked: set[str] = set()
        self.failed: dict[str, Error] = {}
        self.done = asyncio.Event()

    def settle(self, event_id: str, error: Error | None) -> None:
        if error is None:
            self.acked.add(event_id)
        else:
            self.failed[event_id] = error
        self.open -= 1
        if not self.open:
            self.done.set()


class Publisher:
    """Sends in order and matches the server's acks, which come on one subject of this process."""

    def __init__(self, connection: Connection, metrics: BusMetrics) -> None:
        self._connection = connection
        self._metrics = metrics
        self._tokens = itertools.count()
        self._waiting: dict[str, tuple[_Call, EncodedEvent]] = {}
        self._window = asyncio.Semaphore(_WINDOW)
        self._prefix = ""
        self._generation = 0
        self._starting = asyncio.Lock()
        connection.watch(lost=self._lost, back=lambda: None)
        connection.refusals.watch(self._refused)

    async def send(self, messages: Sequence[EncodedEvent]) -> Published:
        call = _Call(len(messages))
        if not messages:
            return Published(frozenset(), {})
        tokens: list[str] = []
        try:
            # The server answers in order: a second for each thousand, and a pause that no working server makes.
            async with asyncio.timeout(_QUIET + len(messages) / 1_000):
                await self._start()
                for message in messages:
                    await self._window.acquire()
                    await self._publish(call, message, tokens)
                await call.done.wait()
        except TimeoutError:
            self._give_up(call, messages, tokens, Unavailable("the event bus did not acknowledge in time"))
        except Error as error:
            self._give_up(call, messages, tokens, error)
        except (errors.Error, OSError):
            self._give_up(call, messages, tokens, Unavailable("the event bus is away"))
        except BaseException:
            self._give_up(call, messages, tokens, Unavailable("publishing was cancelled"))
            raise
        self._metrics.published(len(call.acked), len(call.failed))
        return Published(frozenset(call.acked), call.failed)

    async def _start(self) -> None:
        if not self._connection.up:
            raise Unavailable("the event bus is away")
        if self._ready():
            return
        async with self._starting:
            if not self._ready():
                prefix, generation = self._connection.client.new_inbox() + ".", self._connection.generation
                await self._connection.client.subscribe(prefix + "*", cb=self._answered)
                self._prefix, self._generation = prefix, generation

    def _ready(self) -> bool:
        return bool(self._prefix) and self._generation == self._connection.generation

    async def _publish(self, call: _Call, message: EncodedEvent, tokens: list[str]) -> None:
        token = str(next(self._tokens))
        tokens.append(token)
        self._waiting[token] = (call, message)
        if not self._connection.up:
            self._settle(token, Unavailable("the event bus is away"))
            return
        try:
            await self._connection.client.publish(
                message.subject, message.data, reply=self._prefix + token, headers=dict(message.headers)
            )
        except (errors.MaxPayloadError, errors.BadSubjectError, errors.BadHeaderError) as error:
            self._settle(token, InvalidArgument(f"the event cannot be a message: {error}", reason="EVENT_TOO_LARGE"))
        except (errors.Error, OSError) as error:
            self._settle(token, Unavailable(f"the event bus is away: {error}"))
        checkpoint()

    async def _answered(self, answer: Msg) -> None:
        token = answer.subject[len(self._prefix) :]
        if answer.headers and answer.headers.get("Status") == "503":
            self._settle(token, Unavailable("no stream stores the event", reason="NO_STREAM"))
        elif b'"error"' in answer.data:
            self._settle(token, refused(json.loads(answer.data)["error"]))
        else:
            self._settle(token, None)

    def _settle(self, token: str, error: Error | None) -> None:
        if found := self._waiting.pop(token, None):
            call, message = found
            self._window.release()
            call.settle(message.id, error)

    def _give_up(self, call: _Call, messages: Sequence[EncodedEvent], tokens: list[str], error: Error) -> None:
        """Settle what is open; messages that were sent may still arrive, and sending them again is safe."""
        for token in tokens:
            self._settle(token, error)
        for message in messages[len(tokens) :]:
            call.settle(message.id, error)

    def _refused(self, subject: str) -> None:
        for token, (_, message) in tuple(self._waiting.items()):
            if message.subject.lower() == subject:
                self._settle(token, forbidden(message.subject))

    def _lost(self) -> None:
        for token in tuple(self._waiting):
            self._settle(token, Unavailable("the event bus went away before it acknowledged"))
