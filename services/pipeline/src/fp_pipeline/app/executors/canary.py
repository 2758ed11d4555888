"""CANARY: a small share of the traffic for a while, before everything.

It does not judge yet: errors and latency per version are not aggregated, and a config that asks for thresholds is
refused when the pipeline is made.
"""

import asyncio
from datetime import datetime

from fp_kernel import Clock

from fp_pipeline.app.attempt import Attempt, Outcome, StepFailed
from fp_pipeline.app.executors.shares import Shares
from fp_pipeline.domain.config import CanaryConfig
from fp_pipeline.domain.definition import JsonObject
from fp_pipeline.domain.traffic import share


class Canary:
    def __init__(self, shares: Shares, clock: Clock) -> None:
        self._shares = shares
        self._clock = clock

    async def run(self, attempt: Attempt) -> Outcome:
        config = attempt.config
        if not isinstance(config, CanaryConfig):
            raise StepFailed("config is not that of a canary", final=True)
        deployment, others = await self._shares.candidate(attempt)
        if not others:
            return Outcome(skipped="the model's first version needs no canary")
        if "since" not in attempt.step.output:
            before = {**others, deployment.version: deployment.weight_bps}
            weights = share(deployment.version, config.weight_bps, others)
            await self._shares.move(attempt, deployment, before, weights)
            await attempt.checkpoint({"since": self._clock.now().isoformat()})
        attempt.waits_for = "the canary's time"
        since = datetime.fromisoformat(str(attempt.step.output["since"]))
        left = config.min_seconds - (self._clock.now() - since).total_seconds()
        await asyncio.sleep(max(left, 0.0))
        return Outcome({"weight_bps": config.weight_bps, "seconds": config.min_seconds, "judged": False})

    async def undo(self, attempt: Attempt) -> JsonObject:
        await self._shares.put_back(attempt)
        return {}
