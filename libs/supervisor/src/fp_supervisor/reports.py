"""The messages of the supervisor's socket, for both sides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """A program to run.

    module: importable name; `<module>.main:main()` is called when there is one, else the module is run as a script.
    environment: names that start with `FP_` or end with `_NUM_THREADS`; the supervisor adds the rest.
    group: of a runtime: those of one group are one process, which ends with the last of them; empty for one of its own.
    """

    module: str
    environment: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    group: str = ""


class ProcessState(StrEnum):
    STARTING = "STARTING"  # runs, was not ready yet
    READY = "READY"
    NOT_READY = "NOT_READY"  # runs, was ready before
    BACKOFF = "BACKOFF"  # died, waits for its restart
    STOPPED = "STOPPED"


class JobState(StrEnum):
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


class Phase(StrEnum):
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    STOPPING = "STOPPING"


@dataclass(frozen=True, slots=True)
class Process:
    """One process under the supervisor.

    kind: `store`, `service`, `runtime`, `job` or `supervisor`.
    memory_bytes: proportional set size; resident set size where the system does not report that.
    uptime_seconds: of the present process, 0 when there is none.
    addresses: `host:port` by `grpc`, `http`, or a store's own name for it.
    problem: why it is not ready, as far as known.
    """

    name: str
    kind: str
    pid: int | None
    state: ProcessState
    restarts: int = 0
    memory_bytes: int = 0
    uptime_seconds: float = 0.0
    addresses: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """ready: every store runs and every service is READY; runtimes and jobs do not count."""

    phase: Phase
    ready: bool
    processes: tuple[Process, ...]
    folder: str = ""


@dataclass(frozen=True, slots=True)
class Access:
    """How a person reaches the platform.

    address, http_address: `host:port` of the gateway's gRPC and HTTP.
    databases: URL by the noun of its service, with the password; for operators.
    ca_file: of the authority to trust; empty where the platform speaks clear text.
    plain_stores: those that speak clear text all the same, on loopback.
    """

    address: str
    http_address: str
    nats_url: str
    email: str
    password: str
    team: str
    databases: Mapping[str, str] = field(default_factory=dict)
    ca_file: str = ""
    plain_stores: Sequence[str] = ()

    @property
    def http_url(self) -> str:
        return f"{'https' if self.ca_file else 'http'}://{self.http_address}"


@dataclass(frozen=True, slots=True)
class Runtime:
    """address: `host:port` of its gRPC server; the same for the runtime's whole life."""

    name: str
    address: str
    http_address: str
    state: ProcessState
    module: str
    pid: int | None = None
    restarts: int = 0


@dataclass(frozen=True, slots=True)
class Job:
    """reason: why it FAILED, for people. started_at, finished_at: seconds since the epoch. lines: of its log."""

    name: str
    state: JobState
    module: str
    exit_code: int | None = None
    reason: str = ""
    started_at: float = 0.0
    finished_at: float | None = None
    lines: int = 0


@dataclass(frozen=True, slots=True)
class LogPage:
    """next_line: what to pass as `after_line` for the page that follows.

    complete: the job has ended and this page reaches its last line.
    """

    lines: tuple[str, ...]
    next_line: int
    complete: bool


def process_from(content: Mapping[str, Any]) -> Process:
    return Process(**{**content, "state": ProcessState(content["state"])})


def status_from(content: Mapping[str, Any]) -> Status:
    processes = tuple(process_from(each) for each in content["processes"])
    return Status(Phase(content["phase"]), content["ready"], processes, content["folder"])


def runtime_from(content: Mapping[str, Any]) -> Runtime:
    return Runtime(**{**content, "state": ProcessState(content["state"])})


def job_from(content: Mapping[str, Any]) -> Job:
    return Job(**{**content, "state": JobState(content["state"])})


def page_from(content: Mapping[str, Any]) -> LogPage:
    return LogPage(tuple(content["lines"]), content["next_line"], content["complete"])
