"""Every message of a stream's patterns, in order, for this process alone."""

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any, Final

from fp_kernel import Backoff, Error, Unavailable, new_id
from fp_telemetry import get_logger
from nats.aio.msg import Msg

from fp_events.connection import Connection, Missing
from fp_events.consumer.declaration import Deliver
from fp_events.consumer.metadata import metadata_of
from fp_events.consumer.pull_subscription import Gone, PullSubscription
from fp_events.streams import Stream
from fp_events.streams.admin import JetStreamAdmin

log = get_logger(__name__)

_ROOM: Final = 512
_AGAIN: Final = Backoff(first=0.1, longest=5.0)
_INACTIVE: Final = 60_000_000_000  # nanoseconds until the server deletes the position of a process that has ended


class OrderedConsumer:
    """An ephemeral consumer that is made anew behind the last message seen, whenever one was or may have been lost."""

    def __init__(
        self,
        stream: Stream,
        patterns: tuple[str, ...],
        deliver: Deliver,
        *,
        connection: Connection,
        admin: JetStreamAdmin,
        room: int = _ROOM,
    ) -> None:
        self.ready = asyncio.Event()
        self.caught_up = asyncio.Event()
        self._stream = stream
        self._patterns = patterns
        self._deliver = deliver
        self._connection = connection
        self._admin = admin
        self._room = room
        self._seen: int | None = None
        self._created = ""

    async def messages(self) -> AsyncGenerator[Msg]:
        """Without end; waits while the server is away. A message counts as seen when the next one is asked for.

        `ready` is set when every later message is sure to come, `caught_up` when every earlier one has; it is not when
        the stream was lost, until what was published to the new one has come.
        """
        tries = 0
        while True:
            name = new_id()
            try:
                await self._create(name)
                tries = 0
                async for message in self._read(name):
                    yield message
            except (Gone, Unavailable, Missing) as error:
                log.info("reader waits for the event bus", stream=self._stream.name, error=repr(error))
            finally:
                await self._forget(name)
            tries += 1
            await asyncio.sleep(_AGAIN.delay(tries, random.random()))  # noqa: S311 -- spreads load, guards nothing

    async def _create(self, name: str) -> None:
        await self._admin.ensure([self._stream], [])
        info = await self._connection.api(f"STREAM.INFO.{self._stream.name}")
        self._notice_reset(str(info["created"]), int(info["state"]["last_seq"]))
        if self._seen is None and self._deliver == "new":
            self._seen = int(info["state"]["last_seq"])
        # One pattern stands in the subject too, where the server compares both: a right can be given for it alone.
        sole = self._patterns[0] if len(self._patterns) == 1 else None
        config = {
            "name": name,
            **({"filter_subject": sole} if sole else {"filter_subjects": list(self._patterns)}),
            "ack_policy": "none",
            "replay_policy": "instant",
            "inactive_threshold": _INACTIVE,
            "mem_storage": True,
            "num_replicas": 1,
            **self._start(),
        }
        place = f"{self._stream.name}.{name}.{sole}" if sole else f"{self._stream.name}.{name}"
        made = await self._connection.api(
            f"CONSUMER.CREATE.{place}", {"stream_name": self._stream.name, "config": config}
        )
        self.ready.set()
        if not int(made["num_pending"]):
            self.caught_up.set()

    def _notice_reset(self, created: str, last: int) -> None:
        """A stream that was lost and made anew counts from 1 again, and would be read from where the old one ended.

        A server that lost its newest messages only keeps `created`: then its last number says it.
        """
        if (self._created and created != self._created) or (self._seen or 0) > last:
            log.warning("stream was lost and made anew, it is read from its beginning", stream=self._stream.name)
            self._seen = None if self._deliver == "last_per_subject" else 0
            self.caught_up.clear()
        self._created = created

    def _start(self) -> dict[str, Any]:
        if self._seen is None:
            return {"deliver_policy": self._deliver}
        return {"deliver_policy": "by_start_sequence", "opt_start_seq": self._seen + 1}

    async def _read(self, name: str) -> AsyncGenerator[Msg]:
        pull = PullSubscription(self._connection, self._stream.name, name, room=self._room, survives_loss=False)
        expected = 1
        try:
            await pull.open()
            while True:
                for message in await pull.next(self._room):
                    metadata = metadata_of(message)
                    if metadata.consumer_sequence != expected:
                        raise Gone
                    expected += 1
                    yield message
                    self._seen = metadata.sequence
                    if not metadata.left:
                        self.caught_up.set()
        finally:
            await pull.close()

    async def _forget(self, name: str) -> None:
        with suppress(Error):
            await self._connection.api(f"CONSUMER.DELETE.{self._stream.name}.{name}")
