"""One piece of work of an execution: an attempt, the compensation of what it left half done, that of a whole step."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from typing import Any

from fp_kernel import Clock

from fp_pipeline.app.attempt import Attempt, Failure, Outcome, Queued
from fp_pipeline.app.journal import Effects, EffectsOf, Record
from fp_pipeline.app.steps import Steps
from fp_pipeline.domain import compensation, forward, scheduling
from fp_pipeline.domain.definition import JsonObject
from fp_pipeline.domain.deployment import DeploymentChange
from fp_pipeline.domain.execution import Execution, ExecutionStatus, Step, StepStatus
from fp_pipeline.domain.json_values import clean
from fp_pipeline.domain.policy import EnginePolicy
from fp_pipeline.domain.progress import Progress


class StepRuns:
    def __init__(
        self, record: Record, steps: Steps, policy: EnginePolicy, clock: Clock, roll: Callable[[], float]
    ) -> None:
        self._record = record
        self._steps = steps
        self._policy = policy
        self._clock = clock
        self._roll = roll
        self._scopes: dict[str, asyncio.Timeout] = {}
        self._stopped: set[str] = set()

    async def run(self, work: scheduling.Work) -> None:
        """Returns when the outcome is written, or when the attempt was stopped."""
        match work:
            case scheduling.RunStep():
                await self._attempt(work)
            case scheduling.StopStep():
                await self._stop_step(work)
            case scheduling.CompensateStep():
                await self._compensate_step(work)

    def stop(self) -> None:
        """End the attempts that run, because the execution was cancelled; what they had begun is compensated later."""
        for step_id, scope in self._scopes.items():
            self._stopped.add(step_id)
            # A scope that is ending by itself cannot be moved, and need not.
            with contextlib.suppress(RuntimeError):
                scope.reschedule(0)

    async def _attempt(self, work: scheduling.RunStep) -> None:
        step_id = work.step_id
        if not work.resumed:
            await self._queue(step_id)
            if not await self._record.change(lambda state: self._start(state, step_id)):
                return
        if self._record.execution.cancellation is not None:
            return
        attempt = self._context(step_id)
        result = await self._bounded(attempt, self._policy.time_left(attempt.step, self._clock.now()))
        if isinstance(result, Outcome):
            await self._completed(attempt, result)
        elif result is not None:
            await self._failed(attempt, result)

    async def _queue(self, step_id: str) -> None:
        """Raises Queued when another execution comes first: neither time nor attempts of the step are spent on it."""
        ahead = await self._steps.ahead(self._context(step_id))
        if ahead and self._record.execution.cancellation is None:
            why = f"waits for {ahead}"
            await self._record.change(lambda state: forward.wait(state, step_id, why, self._clock.now()))
            raise Queued(why)

    def _start(self, execution: Execution, step_id: str) -> Progress | None:
        """None when the execution turned back between the decision and now."""
        open_to_starts = execution.status is ExecutionStatus.RUNNING and execution.cancellation is None
        if not open_to_starts or execution.step(step_id).status is not StepStatus.PENDING:
            return None
        return forward.start(execution, step_id, self._clock.now())

    async def _bounded(self, attempt: Attempt, seconds: float) -> Outcome | Failure | None:
        """What became of the attempt; None when it was stopped."""
        step_id = attempt.step.step_id
        try:
            async with asyncio.timeout(seconds) as scope:
                self._scopes[step_id] = scope
                return await self._steps.run(attempt)
        except TimeoutError:
            if step_id in self._stopped:
                return None
            waiting = f", waiting for {clean(attempt.waits_for)}" if attempt.waits_for else ""
            return Failure(f"not done in {seconds:g} s{waiting}", final=False)
        finally:
            self._scopes.pop(step_id, None)

    async def _completed(self, attempt: Attempt, outcome: Outcome) -> None:
        step_id, effects = attempt.step.step_id, _effects(attempt, outcome.changes)
        if outcome.skipped:
            reason = outcome.skipped
            await self._record.change(lambda state: forward.bypass(state, step_id, reason, self._clock.now()), effects)
        else:
            output = {**attempt.step.output, **outcome.output}
            await self._record.change(
                lambda state: forward.complete(_metered(state, attempt), step_id, output, self._clock.now()),
                effects,
            )

    async def _failed(self, attempt: Attempt, failure: Failure) -> None:
        step, now = attempt.step, self._clock.now
        last = failure.final or step.attempt > step.definition.max_retries
        # Effects carry the name of their attempt: what cannot be compensated now is not in the way of the next one.
        left = await self._stoppable(
            step.step_id, self._compensate_attempt(attempt, self._policy.compensation_attempts, patient=last)
        )
        if step.step_id in self._stopped:
            return
        text = left.text if left else ""
        effects = _effects(attempt)
        if last or (left and not left.away):
            await self._record.change(
                lambda state: forward.fail(
                    _metered(state, attempt), step.step_id, failure.text, now(), left_behind=text
                ),
                effects,
            )
        else:
            at = now() + timedelta(seconds=self._policy.backoff.delay(step.attempt, self._roll()))
            await self._record.change(
                lambda state: forward.retry(_metered(state, attempt), step.step_id, failure.text, at, now()),
                effects,
            )

    async def _stop_step(self, work: scheduling.StopStep) -> None:
        attempt = self._context(work.step_id)
        left = await self._compensate_attempt(attempt, self._policy.stop_attempts)
        text = left.text if left else ""
        await self._record.change(
            lambda state: forward.stop(_metered(state, attempt), work.step_id, self._clock.now(), left_behind=text),
            _effects(attempt),
        )

    async def _compensate_attempt(self, attempt: Attempt, tries: int, *, patient: bool = False) -> Failure | None:
        """Undo what a failed attempt had begun; why it could not be done, None when it was.

        patient: try on while whoever is needed is away. The step stays RUNNING until this is through: a crash in
        between runs the attempt again, and nothing is lost.
        """
        number = 0
        while True:
            number += 1
            result = await self._steps.compensate(attempt, self._policy.compensation_timeout)
            if not isinstance(result, Failure):
                return None
            if number >= (self._policy.away_attempts if patient and result.away else tries):
                return result
            await asyncio.sleep(self._policy.compensation_backoff.delay(number, self._roll()))

    async def _stoppable(self, step_id: str, work: Coroutine[Any, Any, Failure | None]) -> Failure | None:
        """The outcome of the work; None when it was stopped, because the execution was cancelled."""
        try:
            async with asyncio.timeout(None) as scope:
                self._scopes[step_id] = scope
                return await work
        except TimeoutError:
            return None
        finally:
            self._scopes.pop(step_id, None)

    async def _compensate_step(self, work: scheduling.CompensateStep) -> None:
        step_id, now = work.step_id, self._clock.now
        if not work.resumed:
            await self._record.change(lambda state: compensation.start(state, step_id, now()))
        step = self._record.execution.step(step_id)
        result, undoer = await self._compensate_once(step)
        seconds = undoer.compute if undoer else 0.0

        def metered(state: Execution) -> Execution:
            return forward.metered(state, undoer.step.step_id, seconds) if undoer else state

        if not isinstance(result, Failure):
            output = result
            await self._record.change(lambda state: compensation.complete(metered(state), step_id, output, now()))
            return
        text = result.text
        if step.undo_attempt >= (self._policy.away_attempts if result.away else self._policy.compensation_attempts):
            await self._record.change(lambda state: compensation.fail(metered(state), step_id, text, now()))
        else:
            at = now() + timedelta(seconds=self._policy.compensation_backoff.delay(step.undo_attempt, self._roll()))
            await self._record.change(lambda state: compensation.retry(metered(state), step_id, text, at, now()))

    async def _compensate_once(self, step: Step) -> tuple[JsonObject | Failure, Attempt | None]:
        """What became of it; with the attempt of the step that undoes, where one is declared."""
        undoer = step.definition.compensation_step_id
        if not undoer:
            return await self._steps.compensate(self._context(step.step_id), self._policy.compensation_timeout), None
        attempt = self._context(undoer)
        result = await self._bounded(attempt, self._policy.timeout(attempt.step.definition))
        if isinstance(result, Outcome):
            return result.output, attempt
        # A job that took too long is stopped: else it ran on beside the next attempt, and nobody was billed for it.
        await self._compensate_attempt(attempt, self._policy.stop_attempts)
        return result or Failure("stopped", final=False), attempt

    def _context(self, step_id: str) -> Attempt:
        async def checkpoint(output: JsonObject, changes: Sequence[DeploymentChange]) -> None:
            effects = Effects(deployments=tuple(changes))
            await self._record.change(
                lambda state: forward.checkpoint(state, step_id, output, self._clock.now()), lambda _: effects
            )

        execution = self._record.execution
        return Attempt(execution=execution, step=execution.step(step_id), checkpoint_with=checkpoint)


def _metered(execution: Execution, attempt: Attempt) -> Execution:
    return forward.metered(execution, attempt.step.step_id, attempt.compute)


def _effects(attempt: Attempt, changes: tuple[DeploymentChange, ...] = ()) -> EffectsOf:
    effects = Effects(changes, attempt.step.step_id, tuple(attempt.log), attempt.log_skipped)
    return lambda _: effects
