"""What became of a job, from its conditions and its pod."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from lightkube.models.batch_v1 import JobCondition
from lightkube.models.core_v1 import ContainerStateTerminated
from lightkube.resources.batch_v1 import Job
from lightkube.resources.core_v1 import Pod

from fp_pipeline.adapters.kubernetes.job_objects import STOPPED
from fp_pipeline.app.peers import Job as Report
from fp_pipeline.app.peers import JobState

if TYPE_CHECKING:
    from lightkube.models.meta_v1 import ObjectMeta

_SIGNALS = 128
_NEVER = datetime.min.replace(tzinfo=UTC)


def suspended(job: Job) -> bool:
    """It was made, and never started: whoever made it died between the two."""
    return bool(job.spec and job.spec.suspend)


def ended(job: Job) -> JobCondition | None:
    """The condition that ended it, when all its pods are gone or have ended."""
    conditions = (job.status and job.status.conditions) or []
    return next((each for each in conditions if each.type in {"Complete", "Failed"} and each.status == "True"), None)


def newest(pods: Sequence[Pod]) -> Pod | None:
    """A job has one pod; a node that was lost may leave another behind."""
    return max(pods, key=lambda pod: cast("ObjectMeta", pod.metadata).creationTimestamp or _NEVER, default=None)


def report(job: Job, pod: Pod | None, container: str, lines: int) -> Report:
    end = ended(job)
    if end is None:
        return Report(JobState.RUNNING)
    last = _terminated(pod, container)
    seconds = _seconds(job, end, last)
    if end.type == "Complete":
        return Report(JobState.SUCCEEDED, "", lines, seconds)
    return Report(JobState.FAILED, _reason(job, end, last), lines, seconds)


def started(pod: Pod, container: str) -> bool:
    """Whether there is a log."""
    statuses = (pod.status and pod.status.containerStatuses) or []
    states = [each.state for each in statuses if each.name == container]
    return any(state is not None and (state.running or state.terminated) for state in states)


def _reason(job: Job, end: JobCondition, last: ContainerStateTerminated | None) -> str:
    annotations = (job.metadata and job.metadata.annotations) or {}
    if STOPPED in annotations:
        return "stopped"
    if end.reason == "DeadlineExceeded":
        return "it ran longer than it may"
    if last is None:
        return f"{end.reason}: {end.message}"
    if last.reason == "OOMKilled":
        return "it used more memory than it may"
    if last.exitCode > _SIGNALS:
        return f"signal {last.exitCode - _SIGNALS}"
    return f"exit code {last.exitCode}"


def _seconds(job: Job, end: JobCondition, last: ContainerStateTerminated | None) -> float:
    """Of the container where it is known: images that are pulled are nobody's computing time."""
    first = last.startedAt if last else job.status and job.status.startTime
    until = last.finishedAt if last else end.lastTransitionTime
    return max((until - first).total_seconds(), 0.0) if first and until else 0.0


def _terminated(pod: Pod | None, container: str) -> ContainerStateTerminated | None:
    statuses = (pod and pod.status and pod.status.containerStatuses) or []
    return next((each.state.terminated for each in statuses if each.name == container and each.state), None)
