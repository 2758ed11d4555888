"""Many predictions in one call; each of them succeeds or fails by itself."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from fp_kernel import Clock, Command, Error, ResourceExhausted

from fp_inference.app.admission import Admission
from fp_inference.app.predict import Predict, check_pin
from fp_inference.app.replays import Replays, replay_digest
from fp_inference.app.values import Ask, Prediction

# Items that are let in together; a longer stream goes on as the principal's bucket fills.
CHUNK = 256
# At one runtime at once: some of a bulkhead's places, so that single predictions go on beside a batch.
PARALLEL = 16


@dataclass(frozen=True, slots=True)
class Item:
    """ask.command: of the item alone. flaw: what is wrong with it before anybody is asked."""

    item_id: str
    ask: Ask
    flaw: Error | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """outcome: bytes are the response that the item got when the same command came before."""

    item_id: str
    outcome: Prediction | Error | bytes


class PredictMany:
    """Items are predictions like others: each has its event, and its answer is kept with it under the command's key.

    So a retry computes what is missing and nothing twice, even when the first call was killed in the middle.
    """

    def __init__(self, predict: Predict, admission: Admission, replays: Replays, clock: Clock) -> None:
        self._predict = predict
        self._admission = admission
        self._replays = replays
        self._clock = clock

    async def __call__(self, items: Sequence[Item], command: Command) -> AsyncGenerator[Answer, None]:
        """The answers, each as soon as it is there; to be closed by who stops early.

        items: at least one, of one caller. Raises ResourceExhausted when not even the first chunk is let in,
        PermissionDenied, InvalidArgument for a key that was used for another request.
        """
        check_pin(items[0].ask)
        chunks = [items[at : at + CHUNK] for at in range(0, len(items), CHUNK)]
        try:
            await self._admission(items[0].ask.caller, len(chunks[0]))
        except Error as error:
            self._refuse(items, error)
            raise
        async with self._replays.parts(command, [item.ask.command for item in items]) as known:
            for index, chunk in enumerate(chunks):
                refusal = await self._more(chunk) if index else None
                if refusal is not None:
                    self._refuse(chunk, refusal)
                    for item in chunk:
                        yield Answer(item.item_id, refusal)
                    continue
                async with aclosing(self._answers(chunk, known)) as answers:
                    async for answer in answers:
                        yield answer

    async def _more(self, chunk: Sequence[Item]) -> Error | None:
        """Wait until the bucket has enough for these; the refusal when that takes too long."""
        ask = chunk[0].ask
        while True:
            try:
                await self._admission(ask.caller, len(chunk))
            except ResourceExhausted as error:
                wait = error.retry_after
                if wait is None or self._clock.monotonic() + wait >= ask.deadline:
                    return error
                await asyncio.sleep(wait)
            else:
                return None

    async def _answers(self, items: Sequence[Item], known: Mapping[bytes, bytes]) -> AsyncGenerator[Answer, None]:
        answers: asyncio.Queue[Answer] = asyncio.Queue(PARALLEL)
        waiting = iter(items)

        async def work() -> None:
            for item in waiting:
                await answers.put(await self._answer(item, known))

        async with asyncio.TaskGroup() as group:
            for _ in range(min(PARALLEL, len(items))):
                group.create_task(work())
            for _ in items:
                yield await answers.get()

    async def _answer(self, item: Item, known: Mapping[bytes, bytes]) -> Answer:
        kept = known.get(replay_digest(item.ask.command)) if known else None
        if kept is not None:
            return Answer(item.item_id, kept)
        if item.flaw is not None:
            self._predict.refused(item.ask, item.flaw)
            return Answer(item.item_id, item.flaw)
        try:
            return Answer(item.item_id, await self._predict.admitted(item.ask, self._clock.monotonic()))
        except Error as error:
            return Answer(item.item_id, error)

    def _refuse(self, items: Sequence[Item], error: Error) -> None:
        for item in items:
            self._predict.refused(item.ask, error)
