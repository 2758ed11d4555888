"""Messages of one JetStream consumer, asked for ahead of need."""

import asyncio
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from fp_kernel import Error
from fp_telemetry import get_logger
from nats import errors
from nats.aio.msg import Msg

from fp_events.cancellation import checkpoint
from fp_events.connection import Connection

if TYPE_CHECKING:
    from nats.aio.subscription import Subscription

log = get_logger(__name__)

_EXPIRES: Final = 30.0
_HEARTBEAT: Final = 5.0
_SILENCE: Final = 2 * _HEARTBEAT + 1
_DRAIN: Final = 2.0
_NANOSECONDS: Final = 1_000_000_000
# Answers after which the request is over and asking again is all there is to do.
_OVER: Final = frozenset({"404", "408"})


class Gone(Exception):
    """The consumer is not on the server any more, or the server cannot be asked."""


class PullSubscription:
    """Keeps one request open at the server and up to `room` messages here.

    One request at a time: the messages that it brought are counted, the server reports its end, and after two missed
    heartbeats (the server restarted, or the connection is dead) the request is sent again.
    """

    def __init__(
        self,
        connection: Connection,
        stream: str,
        consumer: str,
        *,
        room: int,
        survives_loss: bool = True,
        may_ask: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        """survives_loss: whether a message lost with the connection comes again (one that is not acknowledged does).

        may_ask: called before each request; its False ends the pull behind the messages that are here.
        """
        self.buffer: deque[Msg] = deque()
        self._connection = connection
        self._stream = stream
        self._consumer = consumer
        self._room = room
        self._survives_loss = survives_loss
        self._may_ask = may_ask
        self._asking = False
        self._subscription: Subscription | None = None
        self._inbox = ""
        self._request = 0
        self._expected = 0
        self._last_message_at = 0.0
        self._gone = False
        self._news = asyncio.Event()
        self._generation = connection.generation
        self._forget = connection.watch(lost=self._lost, back=self._back)

    async def open(self) -> None:
        """Raises Gone while the connection is away."""
        self._inbox = self._connection.client.new_inbox()
        with _as_gone():
            self._subscription = await self._connection.client.subscribe(
                self._inbox + ".*", cb=self._arrived, pending_msgs_limit=4 * self._room, pending_bytes_limit=0
            )
        await self._ask()

    async def next(self, limit: int, linger: float = 0.0) -> list[Msg]:
        """Wait for a message, and `linger` seconds for more, then take what is here, `limit` at most. Raises Gone."""
        checkpoint()
        while not self.buffer:
            if self._gone:
                raise Gone
            self._news.clear()
            await self.look_after()
            with suppress(TimeoutError):
                async with asyncio.timeout(_HEARTBEAT):
                    await self._news.wait()
        if linger:
            await self._gather(limit, linger)
        taken = [self.buffer.popleft() for _ in range(min(limit, len(self.buffer)))]
        try:
            await self._ask()
        except BaseException:
            # Dropped here, they would be delivered again only after their ack-wait.
            self.buffer.extendleft(reversed(taken))
            raise
        return taken

    async def look_after(self) -> None:
        """Ask again when the open request was lost. Raises Gone."""
        if self._expected and time.monotonic() - self._last_message_at > _SILENCE:
            log.warning("consumer heard nothing from the event bus", consumer=self._consumer, stream=self._stream)
            self._expected = 0
        await self._ask()

    async def _gather(self, limit: int, linger: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(linger):
                while len(self.buffer) < limit and not self._gone:
                    self._news.clear()
                    await self._news.wait()

    async def close(self) -> list[Msg]:
        """Stop; the messages that came and were not taken."""
        self._forget()
        self._room = 0
        if self._subscription is not None and self._generation == self._connection.generation:
            # Connected, a drain: what is on its way would wait for the end of its ack-wait otherwise.
            end = self._subscription.drain if self._connection.up else self._subscription.unsubscribe
            with suppress(TimeoutError, errors.Error, OSError):
                async with asyncio.timeout(_DRAIN):
                    await end()  # type: ignore[no-untyped-call]
        left = list(self.buffer)
        self.buffer.clear()
        return left

    async def _ask(self) -> None:
        if not self._asking and self._wanted():
            self._asking = True
            try:
                if await self._allowed() and (wanted := self._wanted()):
                    await self._request_messages(wanted)
            finally:
                self._asking = False

    def _wanted(self) -> int:
        """How many to ask for now; 0 while a request is open or hardly anything is free."""
        free = self._room - len(self.buffer)
        idle = self._gone or self._expected or not self._connection.up
        return 0 if idle or free * 2 < self._room else free

    async def _allowed(self) -> bool:
        if self._may_ask is None:
            return True
        with _as_gone():
            allowed = await self._may_ask()
        if not allowed:
            self._gone = True
            self._news.set()
        return allowed

    async def _request_messages(self, wanted: int) -> None:
        self._request += 1
        self._expected = wanted
        self._last_message_at = time.monotonic()
        request = {
            "batch": wanted,
            "expires": int(_EXPIRES * _NANOSECONDS),
            "idle_heartbeat": int(_HEARTBEAT * _NANOSECONDS),
        }
        with _as_gone():
            await self._connection.client.publish(
                f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._consumer}",
                json.dumps(request).encode(),
                reply=f"{self._inbox}.{self._request}",
            )
        checkpoint()

    async def _arrived(self, message: Msg) -> None:
        self._last_message_at = time.monotonic()
        status = message.headers.get("Status") if message.headers else None
        if status is not None and message.subject.startswith(self._inbox):
            await self._on_status(message, status)
            return
        self.buffer.append(message)
        self._news.set()
        self._expected = max(0, self._expected - 1)
        if not self._expected:
            await self._ask()

    async def _on_status(self, message: Msg, status: str) -> None:
        if status == "100" or not message.subject.endswith(f".{self._request}"):
            return
        self._expected = 0
        if status not in _OVER:
            said = (message.headers or {}).get("Description", "")
            log.info("event bus ended a request", consumer=self._consumer, status=status, said=said)
            self._gone = True
            self._news.set()
            return
        await self._ask()

    def _lost(self) -> None:
        self._expected = 0
        self._gone = self._gone or not self._survives_loss
        self._news.set()

    def _back(self) -> None:
        self._gone = self._gone or self._generation != self._connection.generation
        self._news.set()


class _as_gone:  # noqa: N801 -- reads as a statement
    """Errors of the connection while it goes away mean the same as its loss."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, errors.Error | OSError | Error):
            raise Gone from error
