"""An execution as it goes on."""

import sys
from datetime import UTC
from typing import Any

from forgepoint.pipeline.v1 import pipeline_pb2 as pb
from forgepoint.pipeline.v1 import pipeline_pb2_grpc
from fp_kernel import FailedPrecondition, Unavailable

from fp_cli.cells import printable
from fp_cli.client import Client
from fp_cli.failures import report
from fp_cli.messages import plain
from fp_cli.output import State, streamed

_ENDS = (pb.EXECUTION_STATUS_COMPLETED, pb.EXECUTION_STATUS_FAILED, pb.EXECUTION_STATUS_CANCELLED)
# A stream that breaks is taken up again after the last transition seen; an outage longer than this is the user's.
_RESUMES = 5


def follow(client: Client, state: State, execution_id: str, *, after: int) -> None:
    """Print every transition; raises SystemExit(1) when the execution did not complete."""
    last: Any = None
    printed = ""
    for attempt in range(_RESUMES):
        try:
            for event in _events(client, execution_id, after):
                after, last = event.sequence, event
                printed = _print(state, event, printed)
            break
        except Unavailable:
            if attempt == _RESUMES - 1:
                raise
    if last is None or last.execution.status != pb.EXECUTION_STATUS_COMPLETED:
        _print_failure(last, execution_id)
        raise SystemExit(1)


def end(client: Client, execution_id: str, *, limit: float) -> Any:
    """The execution once it has ended. Raises DeadlineExceeded after `limit` seconds."""
    last: Any = None
    for attempt in range(_RESUMES):
        try:
            for event in _events(client, execution_id, last.sequence if last else 0, limit):
                last = event
        except Unavailable:
            if attempt == _RESUMES - 1:
                raise
        if last is not None and last.execution.status in _ENDS:
            break
    return last.execution


def _print_failure(last: Any, execution_id: str) -> None:
    status = _short(last.execution.status) if last else "unknown"
    reason = f": {last.execution.error}" if last and last.execution.error else ""
    step = {"next_step": f"`fp pipelines status {execution_id}` shows each step"}
    report(FailedPrecondition(f"the execution is {status}{reason}", metadata=step))


def _short(status: pb.ExecutionStatus.ValueType) -> str:
    return pb.ExecutionStatus.Name(status).removeprefix("EXECUTION_STATUS_").lower()


def _events(client: Client, execution_id: str, after: int, limit: float = 3_600.0) -> Any:
    stub = pipeline_pb2_grpc.PipelineOrchestratorServiceStub(client.channel)
    request = pb.WatchExecutionRequest(
        execution_id=execution_id, include_current_state=after == 0, after_sequence=after
    )
    return client.stream(stub.WatchExecution, request, limit=limit)


def _print(state: State, event: Any, printed: str) -> str:
    """Returns what is now on the screen; a line that would look the same as the one before is not printed."""
    if state.structured:
        streamed(state, plain(event))
        return ""
    news = _news(event)
    if news != printed:
        time = event.emitted_at.ToDatetime(UTC).astimezone().strftime("%H:%M:%S")
        sys.stdout.write(f"{time} {event.sequence:>4}  {news}\n")
        sys.stdout.flush()
    return news


def _news(event: Any) -> str:
    if event.HasField("changed_step"):
        step = event.changed_step
        status = pb.StepStatus.Name(step.status).removeprefix("STEP_STATUS_").lower()
        attempt = f" (attempt {step.attempt})" if step.attempt > 1 else ""
        error = f": {printable(step.error)}" if step.error else ""
        return f"{step.step_id}: {status}{attempt}{error}"
    execution = event.execution
    error = f": {printable(execution.error)}" if execution.status in _ENDS and execution.error else ""
    return f"execution {_short(execution.status)}{error}"
