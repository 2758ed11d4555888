"""One attempt at training or evaluating."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from fp_kernel import FailedPrecondition, invalid
from fp_kernel.texts import check_length, check_line

from fp_experiment.domain.metrics import Point
from fp_experiment.domain.text import MAX_KEY, MAX_NAME, MAX_OUTSIDE_ID, MAX_VALUE

MAX_PARAMS = 1_000
# Of keys and values: a run must fit into one answer, also for clients that take 4 MiB.
MAX_PARAMS_BYTES = 512 * 1024
PAGE_BYTES = 1024 * 1024
MAX_INPUTS = 32
MAX_ARTIFACTS_BYTES = 256 * 1024
MAX_COMPARED = 20


class RunStatus(StrEnum):
    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"


class RunSource(StrEnum):
    API = "API"
    EVENT = "EVENT"


@dataclass(frozen=True, slots=True)
class DataInput:
    """A feature view as a run read it. as_of, known_as_of: None when the run did not say."""

    view: str
    as_of: datetime | None = None
    known_as_of: datetime | None = None


@dataclass(frozen=True, slots=True)
class NewRun:
    """execution_id: the pipeline execution that the caller's token belongs to."""

    experiment_id: str
    display_name: str = ""
    model_version_id: str = ""
    params: Sequence[tuple[str, str]] = ()
    inputs: Sequence[DataInput] = ()
    execution_id: str = ""

    def check(self) -> None:
        """Raises InvalidArgument naming the field."""
        check_line(self.display_name, "display_name", MAX_NAME)
        check_line(self.model_version_id, "model_version_id", MAX_OUTSIDE_ID)
        check_params(self.params)
        if len(self.inputs) > MAX_INPUTS:
            raise invalid("inputs", f"at most {MAX_INPUTS}")
        for index, read in enumerate(self.inputs):
            check_line(read.view, f"inputs[{index}].view", MAX_NAME, required=True)


@dataclass(frozen=True, slots=True)
class Run:
    """artifacts: a document as its maker gave it, not read here; empty for none.

    final_metrics: the point of the greatest step of each metric.
    """

    id: str
    team: str
    experiment_id: str
    display_name: str
    status: RunStatus
    source: RunSource
    model_version_id: str
    owner_id: str
    started_at: datetime
    ended_at: datetime | None = None
    execution_id: str = ""
    inputs: Sequence[DataInput] = ()
    artifacts: bytes = b""
    params: Mapping[str, str] | None = None
    final_metrics: Sequence[Point] = ()

    def ended(self, status: RunStatus, now: datetime) -> "Run":
        """The same status again changes nothing.

        Raises FailedPrecondition when it ended otherwise, InvalidArgument for a status that is no end.
        """
        if status is RunStatus.RUNNING:
            raise invalid("status", "must be FINISHED, FAILED or KILLED")
        if self.status is status:
            return self
        if self.status is not RunStatus.RUNNING:
            raise not_running(self.status)
        return replace(self, status=status, ended_at=now)

    def open_to(self, execution_id: str) -> bool:
        """Whether the caller may write to it. execution_id: of a job, empty for everybody else."""
        return open_to(self.execution_id, execution_id)

    def check_running(self) -> None:
        """Raises FailedPrecondition."""
        if self.status is not RunStatus.RUNNING:
            raise not_running(self.status)


def open_to(of_run: str, of_caller: str) -> bool:
    """of_run: the execution whose job started the run, empty when a person did. of_caller: the execution of the job."""
    return not of_caller or of_run == of_caller


def not_running(status: str) -> FailedPrecondition:
    return FailedPrecondition(
        f"the run is {status}, only a RUNNING one can change", reason="RUN_ENDED", metadata={"status": status}
    )


def fitting(sizes: Sequence[int]) -> int:
    """How many of these runs, from the first one on, one page holds; the first one always. sizes: bytes of each."""
    total = 0
    for count, size in enumerate(sizes):
        total += size
        if count and total > PAGE_BYTES:
            return count
    return len(sizes)


def check_params(params: Sequence[tuple[str, str]]) -> None:
    """Raises InvalidArgument naming the part; a key may come twice with one value."""
    if len(params) > MAX_PARAMS:
        raise invalid("params", f"at most {MAX_PARAMS}")
    seen: dict[str, str] = {}
    for index, (key, value) in enumerate(params):
        check_line(key, f"params[{index}].key", MAX_KEY, required=True)
        check_length(value, f"params[{index}].value", MAX_VALUE)
        if "\0" in value:
            raise invalid(f"params[{index}].value", "must not hold NUL")
        if seen.setdefault(key, value) != value:
            raise invalid(f"params[{index}].value", f"'{key}' is there twice with different values")
    if sum(len(key.encode()) + len(value.encode()) for key, value in seen.items()) > MAX_PARAMS_BYTES:
        raise invalid("params", f"have at most {MAX_PARAMS_BYTES} bytes together")
