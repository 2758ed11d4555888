"""The log lines of one step: kept ones from the database, those of a running job from where it runs."""

from collections.abc import AsyncIterator, Sequence

from fp_kernel import Clock, Error, NotFound

from fp_pipeline.app.peers import JobRunner
from fp_pipeline.app.ports import Reads, Signals, changed
from fp_pipeline.domain.execution import Execution, Step, StepStatus
from fp_pipeline.domain.logs import LogLine, numbered
from fp_pipeline.domain.names import AttemptName

_BATCH = 500


class StreamStepLogs:
    def __init__(self, reads: Reads, jobs: JobRunner, signals: Signals, clock: Clock, *, poll: float) -> None:
        """poll: seconds between looks at a running job."""
        self._reads = reads
        self._jobs = jobs
        self._signals = signals
        self._clock = clock
        self._poll = poll

    async def __call__(
        self, team: str, execution_id: str, step_id: str, *, after_line: int, follow: bool
    ) -> AsyncIterator[LogLine]:
        """Lines in order. follow: until the step, with all its attempts, has ended.

        Raises NotFound for another team's execution and an unknown step.
        """
        with self._signals.subscribe(changed(execution_id)) as subscription:
            while True:
                execution, step = await self._step(team, execution_id, step_id)
                async for line in self._lines(execution, step, after_line):
                    after_line = line.number
                    yield line
                if not follow or _over(execution, step):
                    return
                await subscription.wait(self._poll)

    async def _step(self, team: str, execution_id: str, step_id: str) -> tuple[Execution, Step]:
        execution = await self._reads.execution(team, execution_id)
        if execution is None:
            raise NotFound(f"no execution {execution_id}")
        for step in execution.steps:
            if step.step_id == step_id:
                return execution, step
        raise NotFound(f"no step '{step_id[:64]}' in execution {execution_id}")

    async def _lines(self, execution: Execution, step: Step, after_line: int) -> AsyncIterator[LogLine]:
        last = after_line
        while stored := await self._reads.log(execution.id, step.step_id, last, _BATCH):
            for line in stored:
                last = line.number
                yield line
        if step.status is not StepStatus.RUNNING:
            return
        # Lines of a running attempt are numbered after those of the attempts before it, as they will be kept.
        before = await self._reads.last_line(execution.id, step.step_id)
        name = AttemptName(execution.id, step.step_id, step.attempt).job
        last = max(last, before)
        while running := await self._running(name, last - before):
            for line in numbered(running, last + 1, self._clock.now()):
                last = line.number
                yield line

    async def _running(self, name: str, after_line: int) -> Sequence[str]:
        try:
            return await self._jobs.log(name, after_line, _BATCH)
        except Error:
            # The runner is away: the lines come when it is back, or when the step has ended.
            return ()


def _over(execution: Execution, step: Step) -> bool:
    return execution.status.ended or step.status not in {StepStatus.PENDING, StepStatus.RUNNING}
