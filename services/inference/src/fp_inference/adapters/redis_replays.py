"""Answers of commands, for 24 hours."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from fp_kernel import Unavailable
from fp_redis import RedisClient

from fp_inference.app.values import Replay

_PREFIX = "fp:inference:replay:"
_SECONDS = 24 * 3_600
_FINGERPRINT = 32
# No message begins with it: field numbers start at 1.
_FIRST_SEEN = b"\x01"


@dataclass(frozen=True, slots=True)
class _Question:
    digests: Sequence[bytes]
    answer: "asyncio.Future[Sequence[Replay]]"


class RedisReplays:
    """While `run` runs, predictions that come together ask together: one command and one wake-up for all of them."""

    def __init__(self, link: RedisClient) -> None:
        self._link = link
        self._questions: list[_Question] = []
        self._asked = asyncio.Event()
        self._running = False

    async def run(self) -> None:
        """Until cancelled. What comes while the store is asked is the next question."""
        self._running = True
        try:
            while True:
                await self._asked.wait()
                self._asked.clear()
                questions, self._questions = self._questions, []
                await self._ask(questions)
        finally:
            self._running = False
            _fail(self._questions, Unavailable("redis is not asked any more"))

    async def get(self, digests: Sequence[bytes]) -> Sequence[Replay]:
        question = _Question(digests, asyncio.get_running_loop().create_future())
        if self._running:
            self._questions.append(question)
            self._asked.set()
        else:
            await self._ask([question])
        return await question.answer

    async def _ask(self, questions: Sequence[_Question]) -> None:
        asked = [digest for question in questions for digest in question.digests]
        try:
            (stored,) = await self._link.ask(("MGET", *map(_key, asked)))
        except Exception as error:  # noqa: BLE001 -- it is theirs who asked
            _fail(questions, error)
            return
        except BaseException:
            _fail(questions, Unavailable("redis was not asked to the end"))
            raise
        values = iter(stored)
        for question in questions:
            found = [
                _replay(digest, value[:_FINGERPRINT], value[_FINGERPRINT:])
                for digest, value in zip(question.digests, values, strict=False)
                if value
            ]
            if not question.answer.done():
                question.answer.set_result(found)

    async def put(self, replays: Sequence[Replay]) -> None:
        values = [(_key(replay.digest), replay.fingerprint + _rest(replay)) for replay in replays]
        await self._link.ask(*(("SET", key, value, "NX", "EX", _SECONDS) for key, value in values))


def _fail(questions: Sequence[_Question], error: Exception) -> None:
    for question in questions:
        if not question.answer.done():
            # One for each who waits: whoever gets it may change it.
            own = Unavailable(error.message) if isinstance(error, Unavailable) else error
            question.answer.set_exception(own)


def _rest(replay: Replay) -> bytes:
    return replay.response if replay.day is None else _FIRST_SEEN + replay.day.isoformat().encode()


def _replay(digest: bytes, fingerprint: bytes, rest: bytes) -> Replay:
    if rest.startswith(_FIRST_SEEN):
        return Replay(digest, fingerprint, b"", date.fromisoformat(rest.removeprefix(_FIRST_SEEN).decode()))
    return Replay(digest, fingerprint, rest)


def _key(digest: bytes) -> str:
    return _PREFIX + digest.hex()
