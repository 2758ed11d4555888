"""What a prediction costs the whole platform: CPU and wake-ups by process, at a fixed number of predictions.

The model of the main job is learned and deployed, and its monitor watches it, as in `make demo`. Then flights are
predicted through the gateway by sixteen callers, each with its idempotency key; nothing else happens meanwhile. A round
ends when billing has metered it, so that what is done behind the answers counts. Figures are of CPU, not of the wall: a
machine that others use hurts them far less. The median of the rounds is reported.

The floor is the idle platform: what it uses in the same seconds when nobody asks anything.

DATA: absolute path of the platform's folder, kept for the next run; without it a new one that is removed.
COUNT: predictions a round. ROUNDS: how many.
"""

import asyncio
import os
import shutil
import statistics
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from forgepoint.inference.v1 import inference_pb2 as pb
from form import report
from fp_flights import data, store
from fp_flights.flights import Flights
from fp_flights.pipelines import MODEL
from fp_flights.story import deploy, learn, loop, plan, predict, watch
from fp_flights.story.calendar import SERVED, calendar
from fp_flights.story.landing import Landing
from fp_flights.story.narrator import Narrator
from fp_flights.story.platform import open_platform
from fp_flights.story.predictions import Predictions
from fp_flights.story.session import Session, open_session
from fp_kernel import NotFound, new_id
from processes import Used, used

DATA = os.environ.get("DATA", "")
COUNT = int(os.environ.get("COUNT", "4000"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
IDLE_SECONDS = 5.0


async def measure() -> None:
    folder = Path(DATA or tempfile.mkdtemp(prefix="fp-bench-predict-"))
    narrator = Narrator()
    platform = await open_platform(folder, narrator)
    try:
        async with open_session(platform.access) as session:
            await _deployed(session, narrator)
            await _rounds(session, narrator, folder)
    finally:
        if platform.started_here:
            await platform.stop()
        if not DATA:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def _deployed(session: Session, narrator: Narrator) -> None:
    """As the first chapters of the story, unless the folder has lived through them."""
    try:
        await session.inference.GetRoute(pb.GetRouteRequest(model_name=MODEL))
    except NotFound:
        await plan.assign(session, narrator)
        flights = calendar(data.load())
        await Landing(session, await store.define(session), flights.everything).write(SERVED)
        learned = await learn.learn(session, narrator)
        await deploy.deploy(session, narrator, learned.version)
        chain = await loop.prepare(session, 100)
        await watch.configure(session, window=flights.replay_week, retraining=chain.retraining)
        await watch.compares_with(session, learned.version)


async def _rounds(session: Session, narrator: Narrator, folder: Path) -> None:
    flights = data.load().months(3).first(COUNT)
    await _round(session, narrator, folder, flights)
    idle = await _idle(folder)
    rounds, rates = [], []
    for _ in range(ROUNDS):
        found, rate = await _round(session, narrator, folder, flights)
        rounds.append(found)
        rates.append(rate)
    cpu = {name: statistics.median(each.get(name, Used()).cpu for each in rounds) for name in rounds[0]}
    wakeups = {name: statistics.median(each.get(name, Used()).wakeups for each in rounds) for name in rounds[0]}
    totals = [sum(each.cpu for each in found.values()) for found in rounds]
    seconds = statistics.median(COUNT / rate for rate in rates)
    report(
        "predict",
        "us of CPU a prediction",
        statistics.median(totals) / COUNT * 1e6,
        sum(each.cpu for each in idle.values()) / IDLE_SECONDS * seconds / COUNT * 1e6,
        extra={
            "predictions": COUNT,
            "rounds_us": [round(total / COUNT * 1e6) for total in totals],
            "rate": round(statistics.median(rates), 1),
            "cpu_us": _dearest(cpu, 1e6),
            "wakeups": _dearest(wakeups, 1),
            "idle_cpu_ms_a_second": _dearest({name: each.cpu for name, each in idle.items()}, 1e3, IDLE_SECONDS),
            "idle_wakeups_a_second": _dearest({name: each.wakeups for name, each in idle.items()}, 1, IDLE_SECONDS),
        },
        higher_is_better=False,
    )


async def _round(session: Session, narrator: Narrator, folder: Path, flights: Flights) -> tuple[dict[str, Used], float]:
    """What each process used, and predictions a second."""
    metered, before, started = plan.requests(await plan.used(session)), await used(folder), time.perf_counter()
    predicted = Predictions(flights)
    await predict.predict_flights(session, narrator, predicted, None, run=new_id())
    seconds = time.perf_counter() - started
    if predicted.failed:
        raise RuntimeError(f"{len(predicted.failed)} predictions failed: {predicted.failed[0]}")
    missing = metered + COUNT - plan.requests(await plan.metered(session, COUNT, metered))
    if missing > 0:
        raise RuntimeError(f"billing did not meter {missing} predictions")
    return _since(before, await used(folder)), COUNT / seconds


async def _idle(folder: Path) -> dict[str, Used]:
    before = await used(folder)
    await asyncio.sleep(IDLE_SECONDS)
    return _since(before, await used(folder))


def _since(before: dict[str, Used], after: dict[str, Used]) -> dict[str, Used]:
    return {name: each - before.get(name, Used()) for name, each in after.items()}


def _dearest(figures: dict[str, Any], factor: float, count: float = COUNT) -> dict[str, float]:
    """For one prediction, or one second, and all of them together; the dearest first."""
    each: defaultdict[str, float] = defaultdict(float)
    for name, figure in figures.items():
        each[name] = round(figure * factor / count, 2)
    return {"all": round(sum(each.values()), 2), **dict(sorted(each.items(), key=lambda pair: -pair[1]))}


if __name__ == "__main__":
    asyncio.run(measure())
