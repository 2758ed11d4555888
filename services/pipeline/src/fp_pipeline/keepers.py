"""Who runs runtimes and jobs: the supervisor of a laptop, or Kubernetes."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from fp_supervisor import SupervisorClient

from fp_pipeline.adapters.supervisor import SupervisedJobs, SupervisedRuntimes
from fp_pipeline.app.peers import JobRunner, ModelRuntime
from fp_pipeline.settings import PipelineSettings


@dataclass(frozen=True, slots=True)
class Keepers:
    runtimes: ModelRuntime
    jobs: JobRunner
    close: Callable[[], Awaitable[None]]


def keepers(settings: PipelineSettings) -> Keepers:
    """Nothing connects yet. Raises ValueError for a file of the chart that cannot be read."""
    timeout = settings.pipeline_peer_timeout_seconds
    if settings.kubernetes_workloads is not None and settings.runtimes == "kubernetes":
        return _of_kubernetes(settings.kubernetes_workloads, timeout)
    supervisor = SupervisorClient(settings.supervisor_socket, timeout=timeout)
    return Keepers(SupervisedRuntimes(supervisor), SupervisedJobs(supervisor), _nothing)


def _of_kubernetes(folder: Path, timeout: float) -> Keepers:
    # A laptop does not pay for the client.
    from fp_pipeline.adapters.kubernetes.cluster import Cluster  # noqa: PLC0415
    from fp_pipeline.adapters.kubernetes.jobs import KubernetesJobs  # noqa: PLC0415
    from fp_pipeline.adapters.kubernetes.runtimes import KubernetesRuntimes  # noqa: PLC0415
    from fp_pipeline.adapters.kubernetes.workloads import Workload  # noqa: PLC0415

    runtime, job = Workload.read(folder / "runtime.json"), Workload.read(folder / "job.json")
    of_runtimes = Cluster.connect(runtime.namespace, timeout=timeout)
    of_jobs = Cluster.connect(job.namespace, timeout=timeout)

    async def close() -> None:
        await of_runtimes.close()
        await of_jobs.close()

    return Keepers(KubernetesRuntimes(of_runtimes, runtime), KubernetesJobs(of_jobs, job), close)


async def _nothing() -> None:
    return
