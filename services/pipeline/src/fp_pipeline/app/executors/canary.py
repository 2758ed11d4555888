"""CANARY: a small share of the traffic, until enough requests say whether the version may have everything.

What it needs to go on after a crash is stored before it is used: the split as it was, when the share began, since when
it is counted, and what had been counted by then in that minute. When events are lost before they are counted, it is
counted anew from then on: a version must not be promoted on what happened to be left.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime

from fp_kernel import Clock
from fp_telemetry import get_logger

from fp_pipeline.app.attempt import Attempt, Outcome, StepFailed
from fp_pipeline.app.executors.shares import Shares
from fp_pipeline.app.ports import Statistics, Unread
from fp_pipeline.domain.canary import Verdict, judge
from fp_pipeline.domain.config import CanaryConfig
from fp_pipeline.domain.definition import JsonObject
from fp_pipeline.domain.deployment import Deployment
from fp_pipeline.domain.statistics import P99, Counts, Gap, minute, total
from fp_pipeline.domain.traffic import share

_log = get_logger(__name__)
_SHARE_SINCE, _SINCE, _BEFORE, _GAP = "share_since", "since", "counted_before", "gap"


class Canary:
    def __init__(self, shares: Shares, statistics: Statistics, unread: Unread, clock: Clock, *, look: float) -> None:
        """unread: events of which the statistics do not know yet. look: seconds between looks at the statistics."""
        self._shares = shares
        self._statistics = statistics
        self._unread = unread
        self._clock = clock
        self._look = look

    async def run(self, attempt: Attempt) -> Outcome:
        config = attempt.config
        if not isinstance(config, CanaryConfig):
            raise StepFailed("config is not that of a canary", final=True)
        deployment, before = await self._shares.candidate(attempt)
        others = {version: weight for version, weight in before.weights.items() if version != deployment.version}
        if not others:
            return Outcome(skipped="the model's first version needs no canary")
        if _SINCE not in attempt.step.output:
            weights = share(deployment.version, config.weight_bps, others)
            await self._shares.move(attempt, deployment, before, weights)
            await self._begin(attempt, deployment, config)
        facts: JsonObject = {"weight_bps": config.weight_bps, "judged": config.judged}
        if not config.judged:
            attempt.waits_for = "the canary's time"
            await asyncio.sleep(max(config.min_seconds - self._seconds(attempt, _SINCE), 0.0))
            return Outcome({**facts, "seconds": config.min_seconds})
        return Outcome({**facts, **await self._judged(attempt, deployment, config)})

    async def compensate(self, attempt: Attempt) -> JsonObject:
        await self._shares.roll_back_traffic(attempt)
        return {}

    async def _begin(
        self, attempt: Attempt, deployment: Deployment, config: CanaryConfig, facts: JsonObject | None = None
    ) -> None:
        """A version that was tried a moment ago has counts in the same minute, which are not this canary's."""
        now = self._clock.now()
        counted = await self._read(deployment, now) if config.judged else {}
        marks = {_SINCE: now.isoformat(), _BEFORE: _to_json(counted)}
        # Of an attempt that is counted anew, the share began earlier.
        share_since = _moment(attempt, _SHARE_SINCE) if _SINCE in attempt.step.output else now
        await attempt.checkpoint({_SHARE_SINCE: share_since.isoformat(), **marks, **(facts or {})})

    async def _judged(self, attempt: Attempt, deployment: Deployment, config: CanaryConfig) -> JsonObject:
        while True:
            # In this order: a gap is stored before what follows it is read, and that before it is counted.
            unread = await self._unread()
            candidate, incumbent = await self._counted(attempt, deployment)
            gap = await self._statistics.newest_gap(_moment(attempt, _SINCE))
            judgement = judge(
                config,
                candidate,
                incumbent,
                seconds=self._seconds(attempt, _SINCE),
                waited=self._seconds(attempt, _SHARE_SINCE),
                gap=str(gap or attempt.step.output.get(_GAP, "")),
            )
            # What was seen may be enough to refuse all the same.
            if gap is not None and judgement.verdict is not Verdict.REJECT:
                await self._begin_anew(attempt, deployment, config, gap)
            elif judgement.verdict is Verdict.PROMOTE and unread:
                # No replica has read for a while: what waits may say otherwise, and a gap before it is not known yet.
                attempt.waits_for = f"{unread} events of its statistics to be read"
            elif judgement.verdict is not Verdict.WAIT:
                break
            else:
                attempt.waits_for = judgement.reason
            await asyncio.sleep(self._look)
        facts = {"seconds": round(self._seconds(attempt, _SINCE), 3), "reason": judgement.reason}
        measured = {**facts, **_measured(candidate), "others": _measured(incumbent)}
        if judgement.verdict is Verdict.REJECT:
            await attempt.checkpoint(measured)
            raise StepFailed(judgement.reason, final=True)
        return measured

    async def _begin_anew(self, attempt: Attempt, deployment: Deployment, config: CanaryConfig, gap: Gap) -> None:
        attempt.waits_for = f"requests that are counted without a gap: {gap}"
        _log.warning("a canary is counted anew", execution_id=attempt.execution.id, gap=str(gap))
        attempt.log.append(f"counted anew: {gap}")
        await self._begin(attempt, deployment, config, {_GAP: str(gap)})

    async def _counted(self, attempt: Attempt, deployment: Deployment) -> tuple[Counts, Counts]:
        """Of the candidate, and of all other versions together."""
        counted = await self._read(deployment, _moment(attempt, _SINCE))
        before = _from_json(attempt.step.output[_BEFORE])
        fresh = {version: each.minus(before.get(version, Counts())) for version, each in counted.items()}
        candidate = fresh.pop(deployment.version, Counts())
        return candidate, total(fresh.values())

    async def _read(self, deployment: Deployment, since: datetime) -> Mapping[str, Counts]:
        return await self._statistics.since(deployment.team, deployment.model_name, minute(since))

    def _seconds(self, attempt: Attempt, mark: str) -> float:
        return (self._clock.now() - _moment(attempt, mark)).total_seconds()


def _moment(attempt: Attempt, mark: str) -> datetime:
    # An attempt that an earlier build began knows one moment for both.
    return datetime.fromisoformat(str(attempt.step.output.get(mark) or attempt.step.output[_SINCE]))


def _measured(counts: Counts) -> JsonObject:
    return {
        "requests": counts.samples,
        "errors": counts.errors,
        "error_rate": round(counts.error_rate, 6),
        "p99_ms": round(counts.percentile_ms(P99), 3),
    }


def _to_json(counted: Mapping[str, Counts]) -> JsonObject:
    return {
        version: [[outcome, number, count] for (outcome, number), count in sorted(each.by_key.items())]
        for version, each in counted.items()
    }


def _from_json(content: JsonObject) -> Mapping[str, Counts]:
    return {
        version: Counts({(outcome, number): count for outcome, number, count in rows})
        for version, rows in content.items()
    }
