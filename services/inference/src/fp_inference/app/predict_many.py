"""Many predictions in one call; each of them succeeds or fails by itself."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from fp_kernel import Clock, Error, Internal, ResourceExhausted
from fp_telemetry import get_logger

from fp_inference.app.admission import Admission
from fp_inference.app.predict import Predict, check_pin, first_seen
from fp_inference.app.replays import Replays, replay_digest
from fp_inference.app.values import Ask, Prediction
from fp_inference.domain.summary import cost

# Items that are let in together; a longer stream goes on as the principal's bucket fills.
CHUNK = 256
# At one runtime at once: some of a bulkhead's places, so that single predictions go on beside a batch.
PARALLEL = 16

_log = get_logger(__name__)


Outcome = Prediction | Error | bytes


@dataclass(frozen=True, slots=True)
class Item:
    """ask.command: of the item alone. flaw: what is wrong with it before anybody is asked."""

    item_id: str
    ask: Ask
    flaw: Error | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """request_id: of the whole call. outcome: bytes are the response that the item got when the same command came
    before.
    """

    item_id: str
    request_id: str
    outcome: Outcome


class PredictMany:
    """Items are predictions like others: each has its event, and its answer is kept with it under the command's key.

    So a retry computes what is missing and nothing twice, even when the first call was killed in the middle.
    """

    def __init__(self, predict: Predict, admission: Admission, replays: Replays, clock: Clock) -> None:
        self._predict = predict
        self._admission = admission
        self._replays = replays
        self._clock = clock

    async def __call__(self, items: Sequence[Item], whole: Ask) -> AsyncGenerator[Answer, None]:
        """The answers, each as soon as it is there; to be closed by who stops early.

        items: at least one, of one caller. whole: what they share, and the command of the call.
        Raises ResourceExhausted when not even the first chunk is let in, PermissionDenied, InvalidArgument for a
        key that was used for another request.
        """
        check_pin(items[0].ask)
        chunks = [items[at : at + CHUNK] for at in range(0, len(items), CHUNK)]
        try:
            under_way = await self._admission.enter(items[0].ask.caller, _cost(chunks[0]))
        except Error as error:
            self._refuse([_of(whole, item) for item in items], error)
            raise
        with under_way:
            async with aclosing(self._chunks(chunks, whole)) as answers:
                async for answer in answers:
                    yield answer

    async def _chunks(self, chunks: Sequence[Sequence[Item]], whole: Ask) -> AsyncGenerator[Answer, None]:
        commands = [item.ask.command for chunk in chunks for item in chunk]
        async with self._replays.parts(whole.command, commands) as parts:
            whole = first_seen(whole, parts.day)
            for index, chunk in enumerate(chunks):
                refusal = await self._more(chunk) if index else None
                asked = [_of(whole, item) for item in chunk]
                if refusal is not None:
                    self._refuse(asked, refusal)
                    for item in asked:
                        yield Answer(item.item_id, whole.request_id, refusal)
                    continue
                async with aclosing(self._answers(asked, parts.answered)) as answers:
                    async for item_id, outcome in answers:
                        yield Answer(item_id, whole.request_id, outcome)

    async def _more(self, chunk: Sequence[Item]) -> Error | None:
        """Wait until the bucket has enough for these; the refusal when that takes too long."""
        ask = chunk[0].ask
        while True:
            try:
                await self._admission.pay(ask.caller, _cost(chunk))
            except ResourceExhausted as error:
                wait = error.retry_after
                if wait is None or self._clock.monotonic() + wait >= ask.deadline:
                    return error
                await asyncio.sleep(wait)
            else:
                return None

    async def _answers(
        self, items: Sequence[Item], known: Mapping[bytes, bytes]
    ) -> AsyncGenerator[tuple[str, Outcome], None]:
        answers: asyncio.Queue[tuple[str, Outcome]] = asyncio.Queue(PARALLEL)
        waiting = iter(items)

        async def work() -> None:
            for item in waiting:
                await answers.put((item.item_id, await self._outcome(item, known)))

        async with asyncio.TaskGroup() as group:
            for _ in range(min(PARALLEL, len(items))):
                group.create_task(work())
            for _ in items:
                yield await answers.get()

    async def _outcome(self, item: Item, known: Mapping[bytes, bytes]) -> Outcome:
        stored = known.get(replay_digest(item.ask.command)) if known else None
        if stored is not None:
            return stored
        if item.flaw is not None:
            self._predict.refused(item.ask, item.flaw)
            return item.flaw
        try:
            return await self._predict.admitted(item.ask, self._clock.monotonic())
        except Error as error:
            return error
        except Exception:  # noqa: BLE001 -- logged with its cause
            # The others of the call go on: an error that nobody expected is one item's as well.
            _log.exception("an item of a batch failed")
            return Internal("internal error")

    def _refuse(self, items: Sequence[Item], error: Error) -> None:
        for item in items:
            self._predict.refused(item.ask, error)


def _of(whole: Ask, item: Item) -> Item:
    """The item with the request id and the day of its call."""
    return replace(item, ask=replace(item.ask, request_id=f"{whole.request_id}/{item.item_id}", day=whole.day))


def _cost(items: Sequence[Item]) -> int:
    return sum(cost(item.ask.inputs) for item in items)
