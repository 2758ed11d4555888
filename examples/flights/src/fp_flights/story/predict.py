"""Flights are predicted, one call each, before they leave."""

import asyncio

import numpy as np
from forgepoint.inference.v1 import inference_pb2 as pb
from fp_jobs.patience import patiently
from fp_kernel import Error

from fp_flights.features import COLUMNS, INPUT
from fp_flights.flights import Flights
from fp_flights.pipelines import MODEL
from fp_flights.story.clock import StoryClock
from fp_flights.story.narrator import Narrator
from fp_flights.story.predictions import Answer, Predictions
from fp_flights.story.session import Session

# Sixteen callers keep two cores busy; each still waits for its own answer.
CALLERS = 16
# A service or a store that dies is back within seconds; one call may meet several of them, one after the other.
PATIENCE_SECONDS = 90.0


async def predict_flights(
    session: Session, narrator: Narrator, predicted: Predictions, clock: StoryClock | None, *, run: str
) -> None:
    """Predict each flight, in order. clock: goes along; None for no time at all.

    run: distinguishes this run of the story in the idempotency keys.
    """
    with narrator.progress("predictions", len(predicted.flights)) as bar:

        async def caller() -> None:
            for position in predicted.positions():
                if clock is not None:
                    await clock.reach(predicted.flights.scheduled[position])
                await _predict(session, predicted, position, f"{run}/{position}")
                bar.advance()

        async with asyncio.TaskGroup() as tasks:
            for _ in range(CALLERS):
                tasks.create_task(caller())
    narrator.say(f"{len(predicted.answers)} answered, {len(predicted.failed)} failed, {predicted.retried} repeated")


async def _predict(session: Session, predicted: Predictions, position: int, key: str) -> None:
    # The same key at every repeat: however often it is sent, the prediction counts once.
    request = pb.PredictRequest(
        model_name=MODEL, inputs={INPUT: _tensor(predicted.flights, position)}, idempotency_key=key
    )

    def retried() -> None:
        predicted.retried += 1

    try:
        response = await patiently(
            lambda: session.inference.Predict(request), seconds=PATIENCE_SECONDS, retried=retried
        )
    except (Error, TimeoutError) as error:
        predicted.failed.append(f"{predicted.flights.key[position]}: {error}")
        return
    score = float(np.frombuffer(response.outputs["probabilities"].data, dtype="<f4")[1])
    predicted.answers[position] = Answer(response.request_id, score, response.served_version)


def _tensor(flights: Flights, position: int) -> pb.TensorData:
    row = flights.features[position]
    return pb.TensorData(shape=[1, len(COLUMNS)], dtype=pb.DATA_TYPE_FLOAT32, data=row.astype("<f4").tobytes())
