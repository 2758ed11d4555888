"""Model versions as Deployments."""

from collections.abc import Mapping

from lightkube.core.resource import NamespacedResource
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.autoscaling_v2 import HorizontalPodAutoscaler
from lightkube.resources.core_v1 import Service
from lightkube.resources.policy_v1 import PodDisruptionBudget

from fp_pipeline.adapters.kubernetes import names, runtime_objects
from fp_pipeline.adapters.kubernetes.cluster import Cluster
from fp_pipeline.adapters.kubernetes.workloads import Workload
from fp_pipeline.app.peers import RuntimeSpec
from fp_pipeline.domain.replicas import Replicas

_KINDS: Mapping[str, type[NamespacedResource]] = {
    "Service": Service,
    "HorizontalPodAutoscaler": HorizontalPodAutoscaler,
    "PodDisruptionBudget": PodDisruptionBudget,
}


class KubernetesRuntimes:
    """One Deployment a version, whatever `RuntimeSpec.shared` allows.

    A version that is deployed again while its Deployment still drains takes it over, pods and all: the name that the
    pipeline gives is on the Deployment alone, and the one before is unknown from then on.
    """

    def __init__(self, cluster: Cluster, workload: Workload) -> None:
        self._cluster = cluster
        self._workload = workload

    async def start(self, name: str, spec: RuntimeSpec) -> str:
        """Kubernetes takes away pods that are too many by itself: each answers what it has and is no address before."""
        number = await self._number(spec)
        applied = await self._cluster.apply(Deployment, runtime_objects.deployment(name, spec, self._workload, number))
        for kind, manifest in runtime_objects.belongings(applied, spec).items():
            if manifest is None:
                await self._cluster.delete(_KINDS[kind], names.runtime(spec))
            else:
                await self._cluster.apply(_KINDS[kind], manifest)
        return runtime_objects.address(self._cluster.namespace, names.runtime(spec))

    async def _number(self, spec: RuntimeSpec) -> int:
        """Of pods: what is asked for, and where an autoscaler decides what it decided.

        A number that we have once applied and then leave out would become 1.
        """
        least, most = spec.replicas.least, spec.replicas.most
        if most == least:
            return least
        found = await self._cluster.get(Deployment, names.runtime(spec))
        there = found.spec.replicas if found is not None and found.spec is not None else None
        return min(max(there or least, least), most)

    async def trim(self, name: str, replicas: Replicas) -> bool:
        """They end when `start` asks for fewer. Of a name one address that answers says nothing of the others."""
        found = await self._cluster.list(Deployment, names.known_as(name))
        counts = [each.status for each in found if each.status is not None]
        return any(
            (each.readyReplicas or 0) >= replicas.least and (each.replicas or 0) <= replicas.most for each in counts
        )

    async def stop(self, name: str) -> None:
        for each in await self._cluster.list(Deployment, names.known_as(name)):
            if each.metadata is not None and each.metadata.name:
                await self._cluster.delete(Deployment, each.metadata.name)

    async def running(self) -> Mapping[str, str]:
        found = await self._cluster.list(Deployment, names.MANAGED)
        kept = (each.metadata for each in found if each.metadata is not None)
        return {
            each.annotations[names.NAME]: runtime_objects.address(self._cluster.namespace, str(each.name))
            for each in kept
            if each.annotations and names.NAME in each.annotations and each.deletionTimestamp is None
        }

    async def outdated(self) -> frozenset[str]:
        """Those whose pods are of another chart's file, or of none that is known."""
        found = await self._cluster.list(Deployment, names.MANAGED)
        kept = [each.metadata.annotations for each in found if each.metadata and each.metadata.annotations]
        wanted = self._workload.digest
        return frozenset(each[names.NAME] for each in kept if names.NAME in each and each.get(names.WORKLOAD) != wanted)
