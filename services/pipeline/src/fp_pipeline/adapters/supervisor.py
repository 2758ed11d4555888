"""Runtimes and jobs as processes of the supervisor; in a cluster other adapters of the same ports take its place."""

from collections.abc import Mapping, Sequence

from fp_kernel import NotFound
from fp_rpc.client.targets import target_of
from fp_supervisor import Job as SupervisedJob
from fp_supervisor import ProcessSpec, SupervisorClient

from fp_pipeline.app.peers import Job, JobSpec, JobState, RuntimeSpec
from fp_pipeline.domain.names import RUNTIME_PREFIX, shared_group
from fp_pipeline.domain.replicas import Replicas

_MODULE = "fp_serving"


# Behind the name of a runtime, before the number of its second and further processes; no step's id holds it.
_REPLICA = "/"


class SupervisedRuntimes:
    """As many processes as a version has replicas at least: the supervisor adds and takes none by itself."""

    def __init__(self, client: SupervisorClient) -> None:
        self._client = client

    async def start(self, name: str, spec: RuntimeSpec) -> str:
        environment, group = {"FP_SERVING_TEAM": spec.team}, shared_group(spec.team)
        if not spec.shared:
            environment |= {"FP_SERVING_VERSION_ID": spec.version_id, "FP_SERVING_MODEL_NAME": spec.model_name}
            group = ""
        process = ProcessSpec(_MODULE, environment, group=group)
        names = (name, *(f"{name}{_REPLICA}{number}" for number in range(2, spec.replicas.least + 1)))
        return target_of([(await self._client.start_runtime(each, process)).address for each in names])

    async def stop(self, name: str) -> None:
        for each in await self._client.runtimes(name):
            if _runtime(each.name) == name:
                await self._client.stop_runtime(each.name)

    async def trim(self, name: str, replicas: Replicas) -> bool:
        for each in await self._client.runtimes(name):
            if _runtime(each.name) == name and _number(each.name) > replicas.least:
                await self._client.stop_runtime(each.name)
        # Each has an address of its own, which was asked.
        return True

    async def running(self) -> Mapping[str, str]:
        addresses: dict[str, list[tuple[int, str]]] = {}
        for each in await self._client.runtimes(RUNTIME_PREFIX):
            addresses.setdefault(_runtime(each.name), []).append((_number(each.name), each.address))
        return {name: target_of([address for _, address in sorted(found)]) for name, found in addresses.items()}

    async def outdated(self) -> frozenset[str]:
        """None: a process ends with the platform that it was started by."""
        return frozenset()


class SupervisedJobs:
    def __init__(self, client: SupervisorClient) -> None:
        self._client = client

    async def find(self, name: str) -> Job | None:
        try:
            return _job(await self._client.job(name))
        except NotFound:
            return None

    async def start(self, name: str, spec: JobSpec) -> Job:
        # The worker that waits for it ends it in time, and the machine is the one that there is.
        return _job(await self._client.start_job(name, ProcessSpec(spec.module, spec.environment)))

    async def stop(self, name: str) -> None:
        try:
            await self._client.stop_job(name)
        except NotFound:
            return

    async def log(self, name: str, after_line: int, limit: int) -> Sequence[str]:
        try:
            return (await self._client.job_log(name, after_line, limit=limit)).lines
        except NotFound:
            return ()


def _runtime(process: str) -> str:
    return process.partition(_REPLICA)[0]


def _number(process: str) -> int:
    return int(process.partition(_REPLICA)[2] or 1)


def _job(job: SupervisedJob) -> Job:
    # Both times are of the supervisor's clock, which may have been set in between.
    seconds = max(job.finished_at - job.started_at, 0.0) if job.finished_at is not None else 0.0
    return Job(JobState(job.state), job.reason, job.lines, seconds)
