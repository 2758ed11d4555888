"""From a step's type to the executor that does it; whatever an executor raises becomes a value."""

import asyncio
from collections.abc import Mapping

from fp_kernel import Error
from fp_telemetry import get_logger, span

from fp_pipeline.app.attempt import Attempt, Executor, Failure, Outcome, StepFailed, failure
from fp_pipeline.domain.definition import JsonObject, StepType

_log = get_logger(__name__)


class Steps:
    def __init__(self, executors: Mapping[StepType, Executor]) -> None:
        self._executors = executors

    async def run(self, attempt: Attempt) -> Outcome | Failure:
        """Raises TimeoutError only when the caller's own time is up."""
        step = attempt.step
        facts = {"execution_id": attempt.execution.id, "step": step.step_id, "attempt": step.attempt}
        with span(f"step {step.definition.type}", attributes=facts):
            try:
                return await self._executors[step.definition.type].run(attempt)
            except (Error, StepFailed) as error:
                _log.info("step attempt failed", reason=error.message, **facts)
                return failure(error)
            except TimeoutError:
                raise
            except Exception:  # noqa: BLE001 -- a fault in one step is that step's failure
                _log.exception("step attempt failed by a fault", **facts)
                return Failure("internal error", final=False)

    async def undo(self, attempt: Attempt, seconds: float) -> JsonObject | Failure:
        step = attempt.step
        facts = {"execution_id": attempt.execution.id, "step": step.step_id, "attempt": step.attempt}
        with span(f"undo {step.definition.type}", attributes=facts):
            try:
                async with asyncio.timeout(seconds):
                    return await self._executors[step.definition.type].undo(attempt)
            except TimeoutError:
                return Failure(f"not undone in {seconds:g} s", final=False)
            except (Error, StepFailed) as error:
                _log.warning("undo failed", reason=error.message, **facts)
                return failure(error)
            except Exception:  # noqa: BLE001 -- a fault in one step is that step's failure
                _log.exception("undo failed by a fault", **facts)
                return Failure("internal error", final=False)
