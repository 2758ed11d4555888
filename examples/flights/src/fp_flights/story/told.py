"""The whole story, in order."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fp_kernel import new_id

from fp_flights import data
from fp_flights.pipelines import MODEL
from fp_flights.story import deploy, epilogue, fly, learn, own_model
from fp_flights.story.counting import counted
from fp_flights.story.narrator import Narrator
from fp_flights.story.platform import Platform, open_platform
from fp_flights.story.session import open_session

SERVED_MONTH = 3
# Events are published behind the answers; a consumer that is this far behind, in seconds, has lost something.
EVENTS_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """The last line of the demo. auc: of the predictions, against what then happened."""

    status: str
    predictions: int
    failed_predictions: int
    events: int
    auc: float
    versions: tuple[str, ...]
    production: str
    seconds: float

    def document(self) -> dict[str, Any]:
        return asdict(self)


async def tell(folder: Path, narrator: Narrator, *, flights: int | None, keep: bool) -> Outcome:
    """Run every chapter. flights: how many of March, None for all. keep: leave the platform running."""
    platform = await open_platform(folder, narrator)
    try:
        return await _chapters(platform, narrator, flights)
    finally:
        if platform.started_here and not keep:
            await platform.stop()


async def _chapters(platform: Platform, narrator: Narrator, count: int | None) -> Outcome:
    access = platform.access
    march = data.load().months(SERVED_MONTH).first(count)
    async with open_session(access) as session:
        learned = await learn.learn(session, narrator)
        await deploy.deploy(session, narrator, learned.version)
        async with counted(access.nats_url, MODEL) as completed:
            flown = await fly.fly(session, narrator, march, run=new_id())
            events = await completed.wait_for(set(flown.requests.values()), EVENTS_SECONDS)
        narrator.say(
            f"{events} events of them reached a consumer; AUC {flown.auc(march):.3f} once the flights had landed"
        )
        await own_model.bring(access, narrator, march)
        standing = await epilogue.read_back(session, narrator, (MODEL, own_model.NAME))
    complete = not flown.failed and events == len(flown.requests) == len(march)
    return Outcome(
        status="ok" if complete and standing.production == learned.version else "failed",
        predictions=len(flown.requests),
        failed_predictions=len(flown.failed),
        events=events,
        auc=round(flown.auc(march), 4),
        versions=standing.versions,
        production=standing.production,
        seconds=round(narrator.seconds, 1),
    )
