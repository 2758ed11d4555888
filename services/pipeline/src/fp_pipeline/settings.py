"""Settings of pipeline."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from fp_runtime import EventSettings, PostgresSettings, S3Settings, ServiceSettings
from fp_runtime.fields import Address
from pydantic import AfterValidator, Field, model_validator

from fp_pipeline.app.worker import WorkerPolicy
from fp_pipeline.domain.policy import Backoff, EnginePolicy, LeasePolicy
from fp_pipeline.domain.validation import JobModules
from fp_pipeline.retention import Ages

_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)

# Between looks at a runtime that loads or a job that runs: in a cluster each is a call of the API server.
_PAUSES = {"supervisor": 0.25, "kubernetes": 1.0}

Seconds = Annotated[float, Field(gt=0, le=3_600)]


def modules(value: str) -> JobModules:
    return JobModules(frozenset(part.strip() for part in value.split(",") if part.strip()))


def _check_modules(value: str) -> str:
    if not all(_MODULE.fullmatch(name) for name in modules(value).names):
        raise ValueError("must be names of Python modules, separated by commas")
    return value


class PipelineSettings(ServiceSettings, PostgresSettings, EventSettings, S3Settings):
    """auth_addr, registry_addr, inference_addr: peers.

    runtimes: who runs runtimes and jobs: the `supervisor` of a laptop, or `kubernetes`.
    supervisor_socket: path of the supervisor's socket.
    kubernetes_workloads: folder with what the chart says of their pods: `runtime.json` and `job.json`.
    pipeline_job_modules: modules (with what is below them) that jobs may run; empty allows none.
    pipeline_job_images: what the names of images of users' own begin with, separated by commas; empty allows none.
    pipeline_capacity: executions at a time in this process. pipeline_parallelism: steps of one graph at a time.
    pipeline_lease_seconds: how long an execution stays with a worker that says nothing; a killed worker's work waits
    this long. pipeline_poll_seconds: how often to look when no signal came.
    pipeline_drain_seconds: from the last request of a runtime to its stop.
    pipeline_shared_model_bytes: versions whose artifact is no larger share a process with others of their team; 0 gives
    each a process of its own.
    pipeline_keep_warm_seconds: how long the runtime before a promoted version stays, so that the promotion can be taken
    back; a PROMOTE step may say otherwise.
    pipeline_backoff_seconds: wait before the second attempt of a step; it doubles each time, up to a minute.
    pipeline_reconcile_seconds: between looks at the runtimes that should run.
    pipeline_peer_timeout_seconds: of one call of another service.
    pipeline_keep_history_days: how long transitions and log lines of an execution stay, from its begin on.
    pipeline_keep_executions_days: the same of the execution with its steps, and of deployments that ended.
    """

    auth_addr: Address
    registry_addr: Address
    inference_addr: Address
    runtimes: Literal["supervisor", "kubernetes"] = "supervisor"
    supervisor_socket: str = ""
    kubernetes_workloads: Path | None = None
    pipeline_job_modules: Annotated[str, AfterValidator(_check_modules)] = ""
    pipeline_job_images: str = ""
    pipeline_capacity: Annotated[int, Field(ge=1, le=1_000)] = 32
    pipeline_parallelism: Annotated[int, Field(ge=1, le=64)] = 4
    pipeline_lease_seconds: Seconds = 10.0
    pipeline_poll_seconds: Seconds = 1.0
    pipeline_drain_seconds: Annotated[float, Field(ge=0, le=600)] = 5.0
    pipeline_shared_model_bytes: Annotated[int, Field(ge=0)] = 0
    pipeline_keep_warm_seconds: Annotated[float, Field(ge=0, le=86_400)] = 900.0
    pipeline_backoff_seconds: Seconds = 1.0
    pipeline_reconcile_seconds: Seconds = 5.0
    pipeline_peer_timeout_seconds: Seconds = 10.0
    pipeline_keep_history_days: Annotated[int, Field(ge=2, le=3_650)] = 90
    pipeline_keep_executions_days: Annotated[int, Field(ge=2, le=3_650)] = 400

    @model_validator(mode="after")
    def _with_a_keeper(self) -> "PipelineSettings":
        if self.runtimes == "supervisor" and not self.supervisor_socket:
            raise ValueError("FP_SUPERVISOR_SOCKET is missing")
        if self.runtimes == "kubernetes" and self.kubernetes_workloads is None:
            raise ValueError("FP_KUBERNETES_WORKLOADS is missing")
        return self


def allowed_jobs(settings: PipelineSettings) -> JobModules:
    images = (each.strip() for each in settings.pipeline_job_images.split(","))
    return replace(modules(settings.pipeline_job_modules), images=tuple(each for each in images if each))


def engine_policy(settings: PipelineSettings) -> EnginePolicy:
    backoff = Backoff(initial=settings.pipeline_backoff_seconds)
    return EnginePolicy(
        backoff=backoff,
        compensation_backoff=backoff,
        parallelism=settings.pipeline_parallelism,
        drain=settings.pipeline_drain_seconds,
        keep_warm=settings.pipeline_keep_warm_seconds,
        shared_bytes=settings.pipeline_shared_model_bytes,
        pause=_PAUSES[settings.runtimes],
    )


def ages(settings: PipelineSettings) -> Ages:
    return Ages(
        history=timedelta(days=settings.pipeline_keep_history_days),
        executions=timedelta(days=settings.pipeline_keep_executions_days),
    )


def worker_policy(settings: PipelineSettings) -> WorkerPolicy:
    ttl = settings.pipeline_lease_seconds
    return WorkerPolicy(
        capacity=settings.pipeline_capacity,
        poll=settings.pipeline_poll_seconds,
        # Two renewals may get lost before a third would be too late.
        lease=LeasePolicy(ttl=ttl, heartbeat=ttl / 4),
    )
