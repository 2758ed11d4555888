"""Chapter three: every flight of March is predicted, one by one, before it leaves."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from forgepoint.inference.v1 import inference_pb2 as pb
from fp_kernel import Aborted, DeadlineExceeded, Error, ResourceExhausted, Unavailable

from fp_flights import evaluate
from fp_flights.data import Flights
from fp_flights.features import COLUMNS, INPUT
from fp_flights.pipelines import MODEL
from fp_flights.story.narrator import Narrator
from fp_flights.story.session import Session

# Sixteen callers keep two cores busy; each still waits for its own answer.
CALLERS = 16
# A service that dies is back within seconds; a caller that gives up earlier would lose a prediction for nothing.
PATIENCE_SECONDS = 60.0
_RETRIED = (Unavailable, DeadlineExceeded, ResourceExhausted, Aborted)


@dataclass(slots=True)
class Flown:
    """scores: probability of late by index of the flight. failed: the errors of flights without an answer."""

    scores: dict[int, float] = field(default_factory=dict)
    requests: dict[int, str] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    retried: int = 0

    def auc(self, flights: Flights) -> float:
        index = np.array(sorted(self.scores))
        scores = np.array([self.scores[position] for position in index])
        return evaluate.metrics(flights.late[index], scores)["auc"]


async def fly(session: Session, narrator: Narrator, flights: Flights, run: str) -> Flown:
    """Predict each flight. run: distinguishes this telling of the story in the idempotency keys."""
    narrator.chapter(f"3  Predict {len(flights)} flights of March, one by one")
    flown = Flown()
    positions = iter(range(len(flights)))
    with narrator.progress("predictions", len(flights)) as bar:

        async def caller() -> None:
            for position in positions:
                await _predict(session, flights, position, run, flown)
                bar.advance()

        async with asyncio.TaskGroup() as tasks:
            for _ in range(CALLERS):
                tasks.create_task(caller())
    narrator.say(f"{len(flown.scores)} answered, {len(flown.failed)} failed, {flown.retried} repeated")
    return flown


async def _predict(session: Session, flights: Flights, position: int, run: str, flown: Flown) -> None:
    request = pb.PredictRequest(
        model_name=MODEL,
        inputs={INPUT: _tensor(flights, position)},
        # The same key at every repeat: however often it is sent, the prediction counts once.
        idempotency_key=f"{run}/{position}",
    )
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            for pause in _pauses():
                try:
                    response = await session.inference.Predict(request)
                    break
                except _RETRIED:
                    flown.retried += 1
                    await asyncio.sleep(pause)
    except (Error, TimeoutError) as error:
        flown.failed.append(f"{flights.key[position]}: {error}")
        return
    flown.requests[position] = response.request_id
    flown.scores[position] = _late(response.outputs["probabilities"])


def _pauses() -> Iterator[float]:
    pause = 0.05
    while True:
        yield pause
        pause = min(pause * 2, 1.0)


def _tensor(flights: Flights, position: int) -> pb.TensorData:
    row = flights.features[position]
    return pb.TensorData(shape=[1, len(COLUMNS)], dtype=pb.DATA_TYPE_FLOAT32, data=row.astype("<f4").tobytes())


def _late(tensor: pb.TensorData) -> float:
    return float(np.frombuffer(tensor.data, dtype="<f4")[1])
