"""The year goes on: flights leave, are predicted, land, and the platform looks after its model."""

import asyncio

from fp_flights.story import predict
from fp_flights.story.labels import Labels
from fp_flights.story.landing import Landing
from fp_flights.story.loop import Loop
from fp_flights.story.narrator import Narrator
from fp_flights.story.session import Session


async def replay(session: Session, narrator: Narrator, landing: Landing, loop: Loop) -> None:
    """Returns when the last flight has landed and nothing is under way any more."""
    labels = Labels(session, loop.predicted)
    async with asyncio.TaskGroup() as tasks:
        behind = [tasks.create_task(landing.follow(loop.clock, labels)), tasks.create_task(loop.follow())]
        await predict.predict_flights(session, narrator, loop.predicted, loop.clock, run=f"{loop.since}/replay")
        for task in behind:
            task.cancel()
    await landing.finish(labels)
    await loop.end()
    narrator.say(f"{landing.departed} flights and {landing.landed} outcomes written, {labels.accepted} labels")
