"""From a step's type to the executor that does it; whatever an executor raises becomes a value."""

import asyncio
import random
from collections.abc import Mapping

from fp_kernel import Error
from fp_telemetry import get_logger, span

from fp_pipeline.app.attempt import AWAY, Attempt, Executor, Failure, Outcome, Queue, StepFailed, failure
from fp_pipeline.domain.definition import JsonObject, StepType
from fp_pipeline.domain.policy import Backoff

_log = get_logger(__name__)


class Steps:
    def __init__(
        self, executors: Mapping[StepType, Executor], pauses: Backoff, queues: Mapping[StepType, Queue]
    ) -> None:
        """pauses: between calls of a step whose peers are away. queues: for steps that wait for other executions."""
        self._executors = executors
        self._queues = queues
        self._pauses = pauses

    async def ahead(self, attempt: Attempt) -> str:
        """The other execution that the step must wait for before it starts; empty when it may start."""
        queue = self._queues.get(attempt.step.definition.type)
        return await queue.ahead(attempt) if queue else ""

    async def run(self, attempt: Attempt) -> Outcome | Failure:
        """Raises TimeoutError only when the caller's own time is up."""
        step = attempt.step
        facts = {"execution_id": attempt.execution.id, "step": step.step_id, "attempt": step.attempt}
        with span(f"step {step.definition.type}", attributes=facts):
            try:
                return await self._until_peers_answer(attempt)
            except (Error, StepFailed) as error:
                _log.info("step attempt failed", reason=error.message, **facts)
                return failure(error)
            except TimeoutError:
                raise
            except Exception:  # noqa: BLE001 -- a fault in one step is that step's failure
                _log.exception("step attempt failed by a fault", **facts)
                return Failure("internal error", final=False)

    async def _until_peers_answer(self, attempt: Attempt) -> Outcome:
        """Run the step again while a peer is away, until the caller's time is up.

        This is the only place that waits for peers: a step is resumed as after a crash, and finds its effects by name.
        """
        tries = 0
        while True:
            try:
                return await self._executors[attempt.step.definition.type].run(attempt)
            except Error as error:
                if error.kind not in AWAY:
                    raise
                attempt.waits_for = error.message
            tries += 1
            await asyncio.sleep(self._pauses.delay(tries, random.random()))  # noqa: S311 -- spreads calls, guards nothing

    async def compensate(self, attempt: Attempt, seconds: float) -> JsonObject | Failure:
        step = attempt.step
        facts = {"execution_id": attempt.execution.id, "step": step.step_id, "attempt": step.attempt}
        with span(f"undo {step.definition.type}", attributes=facts):
            try:
                async with asyncio.timeout(seconds):
                    return await self._executors[step.definition.type].compensate(attempt)
            except TimeoutError:
                return Failure(f"not undone in {seconds:g} s", final=False, away=True)
            except (Error, StepFailed) as error:
                _log.warning("undo failed", reason=error.message, **facts)
                return failure(error)
            except Exception:  # noqa: BLE001 -- a fault in one step is that step's failure
                _log.exception("undo failed by a fault", **facts)
                return Failure("internal error", final=False)
