"""The whole story, in order."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path
from typing import Any

import numpy as np
from fp_kernel import new_id
from fp_supervisor import Access

from fp_flights import data, store
from fp_flights.pipelines import MODEL
from fp_flights.story import (
    again,
    contest,
    control,
    deploy,
    epilogue,
    learn,
    loop,
    own_model,
    plan,
    replay,
    rule,
    runs,
    watch,
)
from fp_flights.story.calendar import END, SERVED, Calendar, calendar
from fp_flights.story.clock import Pace, StoryClock
from fp_flights.story.contest import Contest
from fp_flights.story.landing import Landing
from fp_flights.story.narrator import Narrator
from fp_flights.story.outcome import Outcome, status
from fp_flights.story.platform import Platform, open_platform
from fp_flights.story.predictions import Predictions
from fp_flights.story.receiver import Receiver
from fp_flights.story.session import Session, open_session

# As many requests as reach a canary of 10 % within four days: of 50,000 flights a hundred. When none of them fails,
# fewer than 3 % do, at 95 %.
CANARY_OF_FLIGHTS, LEAST_CANARY = 500, 10


@dataclass(frozen=True, slots=True)
class StoryOptions:
    """How to run it. flights: how many to replay at least, None for 50,000. end: of the replay.

    leave_running: the platform. begun: called with the replay's predictions at its begin. ended: called at its end.
    """

    flights: int | None = None
    end: np.datetime64 = END
    pace: Pace = field(default_factory=Pace)
    leave_running: bool = False
    begun: Callable[[Predictions], None] = lambda _predicted: None
    ended: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class Story:
    """One story of the story. since: an id of its beginning. used_before: requests metered before it."""

    platform: Platform
    session: Session
    narrator: Narrator
    calendar: Calendar
    options: StoryOptions
    since: str
    used_before: int


async def run_story(where: Path | Access, narrator: Narrator, options: StoryOptions = StoryOptions()) -> Outcome:
    """Run every chapter. where: see `open_platform`."""
    narrator.chapter("1  A platform, a rate plan, and somebody who wants to know")
    platform = await open_platform(where, narrator)
    try:
        async with open_session(platform.access) as session:
            used_before = plan.requests(await plan.used(session))
            await plan.assign(session, narrator)
            flights = calendar(data.load(), options.flights, options.end)
            story = Story(platform, session, narrator, flights, options, new_id(), used_before)
            async with rule.receiving(session, narrator, near=platform.near) as receiver:
                return await _chapters(story, receiver)
    finally:
        if platform.started_here and not options.leave_running:
            await platform.stop()


async def _chapters(story: Story, receiver: Receiver | None) -> Outcome:
    session, narrator, flights = story.session, story.narrator, story.calendar
    narrator.chapter("2  Features and outcomes of January and February go into the feature store")
    landing = Landing(session, await store.define(session), flights.everything)
    await landing.write(SERVED)
    narrator.say(f"{landing.departed} flights and {landing.landed} outcomes, as known at the end of February")
    narrator.chapter("3  Learn from what the feature store knows, and deploy")
    learned = await learn.learn(session, narrator)
    await deploy.deploy(session, narrator, learned.version)
    narrator.chapter(f"4  Watch it, and the control: {len(flights.control)} held-out flights of the same months")
    life = await _watched(story, learned.version)
    controlled, alarms = await control.control(session, narrator, flights, story.since)
    narrator.chapter(f"5  The year goes on: {len(flights.replay)} flights from March to September, one by one")
    week = flights.replay_week
    await watch.configure(session, window=week, retraining=life.chain.retraining)
    narrator.say(f"a window is a week: {week} flights that land; in the control it was {flights.control_week}")
    story.options.begun(life.predicted)
    await replay.replay(session, narrator, landing, life)
    story.options.ended()
    narrator.chapter("6  Bring a model of your own, by `fp` alone")
    own = await own_model.bring(story.platform.access, narrator, flights.replay)
    narrator.chapter("7  What came of it")
    return await _outcome(story, learned, life, Counted((controlled, life.predicted), own, alarms), receiver)


async def _watched(story: Story, version: str) -> loop.Loop:
    """The monitor compares with the version, and what it asks for will be done."""
    session, narrator, replayed = story.session, story.narrator, story.calendar.replay
    chain = await loop.prepare(session, max(len(replayed) // CANARY_OF_FLIGHTS, LEAST_CANARY))
    watch.explain(narrator, story.calendar.control_week)
    await watch.configure(session, window=story.calendar.control_week, retraining=chain.retraining)
    await watch.compares_with(session, version)
    clock = StoryClock(SERVED, story.options.pace)
    return loop.Loop(session, narrator, chain, Predictions(replayed), clock, story.since, version)


@dataclass(frozen=True, slots=True)
class Counted:
    """predicted: the control and the replay. own: predictions of the own model. alarms: of the control."""

    predicted: tuple[Predictions, Predictions]
    own: int
    alarms: int

    @property
    def predictions(self) -> int:
        return sum(len(each.answers) for each in self.predicted) + self.own

    @property
    def failed(self) -> list[str]:
        return [failure for each in self.predicted for failure in each.failed]

    def say_failures(self, narrator: Narrator) -> None:
        """The first of them."""
        for failure in self.failed[:5]:
            narrator.say(f"failed: {failure}")


async def _outcome(
    story: Story, learned: learn.Learned, life: loop.Loop, counted: Counted, receiver: Receiver | None
) -> Outcome:
    session, narrator = story.session, story.narrator
    alarms = await _alarms(story)
    compared = await _compared(story, learned, life)
    usage = await plan.metered(session, counted.predictions, story.used_before)
    metered = plan.requests(usage) - story.used_before
    epilogue.say_usage(narrator, usage)
    standing = await epilogue.read_back(session, narrator, (MODEL, own_model.NAME))
    await runs.read_back(session, narrator)
    await own_model.lineage(story.platform.access, narrator, f"{MODEL}@{standing.production}")
    counted.say_failures(narrator)
    identical = await again.build_again(session, narrator, [learned.execution_id, *sorted(life.retrainings)])
    await rule.told(narrator, receiver, [report.created_at.ToDatetime(UTC) for report in alarms])
    return Outcome(
        status=status(
            predictions=counted.predictions,
            failed=len(counted.failed),
            usage=metered,
            control_alarms=counted.alarms,
            retrains=len(life.retrainings),
            promoted=life.promotions[-1].version if life.promotions else "",
            production=standing.production,
            identical=identical,
        ),
        predictions=counted.predictions,
        failed_predictions=len(counted.failed),
        usage_recorded=metered,
        control_alarms=counted.alarms,
        drift_reports=len(alarms) - counted.alarms,
        retrains=len(life.retrainings),
        challengers_refused=life.refused,
        versions=standing.versions,
        production=standing.production,
        auc_v1=round(compared.first, 4) if compared else None,
        auc_final=round(compared.served, 4) if compared else None,
        seconds=round(narrator.seconds, 1),
    )


async def _alarms(story: Story) -> list[Any]:
    """Reports of the monitor that were published."""
    found = await watch.reports(story.session, story.since)
    epilogue.say_reports(story.narrator, found)
    return watch.alarms(found)


async def _compared(story: Story, learned: learn.Learned, life: loop.Loop) -> Contest | None:
    if not life.promotions:
        return None
    start = life.promotions[0].position
    return await contest.compare(
        story.session, story.narrator, life.predicted, start=start, version_id=learned.version_id
    )
