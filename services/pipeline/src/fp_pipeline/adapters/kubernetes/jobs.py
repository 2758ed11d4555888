"""Jobs of Kubernetes, in a namespace of their own."""

import asyncio
from collections.abc import Sequence

from fp_kernel import AlreadyExists, InvalidArgument, NotFound, Unavailable
from fp_supervisor.masking import Mask, hidden_in
from lightkube.resources.batch_v1 import Job
from lightkube.resources.core_v1 import Pod, Secret

from fp_pipeline.adapters.kubernetes import job_objects, job_reports, names
from fp_pipeline.adapters.kubernetes.cluster import Cluster
from fp_pipeline.adapters.kubernetes.workloads import Workload
from fp_pipeline.app.peers import Job as Report
from fp_pipeline.app.peers import JobSpec

_OF_JOB = "batch.kubernetes.io/job-name"
_LOOKS = 120
# Logs are read as a whole: so many at a time.
_READERS = 4
_LINE_CHARACTERS = 16_384


class KubernetesJobs:
    """pause: seconds between looks at a job that is being stopped."""

    def __init__(self, cluster: Cluster, workload: Workload, *, pause: float = 0.5) -> None:
        self._cluster = cluster
        self._workload = workload
        self._pause = pause
        self._readers = asyncio.Semaphore(_READERS)

    async def find(self, name: str) -> Report | None:
        job = await self._cluster.get(Job, names.job(name))
        if job is None or job_reports.suspended(job):
            return None
        return await self._report(name, job)

    async def start(self, name: str, spec: JobSpec) -> Report:
        job = await self._cluster.get(Job, names.job(name)) or await self._create(name, spec)
        annotations = (job.metadata and job.metadata.annotations) or {}
        if annotations.get(job_objects.MODULE) != spec.module:
            raise AlreadyExists(f"job {name} has another module")
        if job_reports.suspended(job):
            await self._cluster.apply(Secret, job_objects.secret(job, spec.environment))
            job = await self._cluster.change(Job, names.job(name), {"spec": {"suspend": False}})
        return await self._report(name, job)

    async def stop(self, name: str) -> None:
        own = names.job(name)
        job = await self._cluster.get(Job, own)
        if job is None:
            return
        if job_reports.suspended(job):
            await self._cluster.delete(Job, own)
            return
        if not job_reports.ended(job):
            # Its end is told as that of any other, and stays as long: a deleted one could be started again.
            note = {"metadata": {"annotations": {job_objects.STOPPED: "true"}}, "spec": {"activeDeadlineSeconds": 1}}
            await self._cluster.change(Job, own, note)
        for _ in range(_LOOKS):
            job = await self._cluster.get(Job, own)
            if job is None or job_reports.ended(job):
                return
            await asyncio.sleep(self._pause)
        raise Unavailable(f"job {name} does not end")

    async def log(self, name: str, after_line: int, limit: int) -> Sequence[str]:
        pod = await self._pod(name)
        lines = await self._lines(name, pod) if pod is not None else []
        return lines[after_line : after_line + limit]

    async def _create(self, name: str, spec: JobSpec) -> Job:
        try:
            return await self._cluster.create(Job, job_objects.manifest(name, spec, self._workload))
        except AlreadyExists:
            job = await self._cluster.get(Job, names.job(name))
            if job is None:
                raise Unavailable(f"job {name} came and went") from None
            return job

    async def _report(self, name: str, job: Job) -> Report:
        if job_reports.ended(job) is None:
            return job_reports.report(job, None, self._workload.container, 0)
        pod = await self._pod(name)
        lines = await self._lines(name, pod) if pod is not None else []
        return job_reports.report(job, pod, self._workload.container, len(lines))

    async def _pod(self, name: str) -> Pod | None:
        return job_reports.newest(await self._cluster.list(Pod, {_OF_JOB: names.job(name)}))

    async def _lines(self, name: str, pod: Pod) -> list[str]:
        """Without the secrets of the job; those of one whose secret is gone are not shown at all."""
        if not job_reports.started(pod, self._workload.container) or pod.metadata is None:
            return []
        secret = await self._cluster.get(Secret, names.job(name))
        if secret is None:
            return []
        mask = Mask(hidden_in(job_objects.environment(secret)))
        try:
            async with self._readers:
                lines = await self._cluster.log(str(pod.metadata.name), self._workload.container)
        except (NotFound, InvalidArgument):
            return []
        return [mask(line.encode()).decode()[:_LINE_CHARACTERS] for line in lines]
