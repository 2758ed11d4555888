"""Dead letters as they lie in the DLQ stream."""

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from fp_kernel import FailedPrecondition, NotFound
from fp_telemetry import get_logger
from nats.aio.client import Client

from fp_events.connection import Connection, Missing
from fp_events.dead_letters import EVERY, DeadLetter, Matching
from fp_events.dead_letters.headers import event_id, letter, replayed
from fp_events.message.envelope import EncodedEvent
from fp_events.message.subjects import dead_pattern, matches
from fp_events.publisher.publisher import Publisher
from fp_events.streams import DLQ

log = get_logger(__name__)

_STATUS_LINE: Final = b"NATS/1.0\r\n"
_REPLAYED_BEFORE: Final = "10071"  # the last message of the subject is not the expected one: none


class NatsDeadLetters:
    """The number of a letter is its place in the stream."""

    def __init__(self, connection: Connection, publisher: Publisher) -> None:
        self._connection = connection
        self._publisher = publisher

    async def list(self, matching: Matching = EVERY, *, after: int = 0, limit: int = 100) -> Sequence[DeadLetter]:
        found: list[DeadLetter] = []
        while len(found) < limit:
            try:
                dead = await self._get({"seq": after + 1, "next_by_subj": matching.pattern})
            except Missing:
                break
            if matching.takes(dead):
                found.append(dead)
            after = dead.number
        return found

    async def show(self, number: int) -> DeadLetter:
        try:
            dead = await self._get({"seq": number})
        except Missing:
            raise _unknown(number) from None
        return dead

    async def replay(self, number: int) -> None:
        message = replayed(await self.show(number))
        published = await self._publisher.send([message])
        for error in published.failed.values():
            if not (isinstance(error, FailedPrecondition) and error.metadata.get("bus_error") == _REPLAYED_BEFORE):
                raise error
            log.warning("dead letter was replayed before, it is forgotten only", number=number)
        await self._delete(number)

    async def drop(self, number: int) -> None:
        await self.show(number)
        await self._delete(number)

    async def _get(self, request: dict[str, Any]) -> DeadLetter:
        stored = (await self._connection.api(f"STREAM.MSG.GET.{DLQ.name}", request))["message"]
        if not matches(dead_pattern(), stored["subject"]):
            raise Missing("a replay is no dead letter")
        headers = _headers(stored.get("hdrs"))
        data = base64.b64decode(stored.get("data", ""))
        message = EncodedEvent(event_id(headers), stored["subject"], data, headers)
        return letter(int(stored["seq"]), message, datetime.fromisoformat(stored["time"]))

    async def _delete(self, number: int) -> None:
        try:
            await self._connection.api(f"STREAM.MSG.DELETE.{DLQ.name}", {"seq": number, "no_erase": True})
        except Missing:
            raise _unknown(number) from None


def _headers(written: str | None) -> dict[str, str]:
    if not written:
        return {}
    return Client._parse_header_lines(base64.b64decode(written).removeprefix(_STATUS_LINE))  # noqa: SLF001 -- as messages are


def _unknown(number: int) -> NotFound:
    return NotFound(f"there is no dead letter {number}")
