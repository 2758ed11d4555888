"""A model version as objects: a Deployment, and what goes with it."""

from collections.abc import Mapping
from typing import Any

from lightkube.resources.apps_v1 import Deployment

from fp_pipeline.adapters.kubernetes import names
from fp_pipeline.adapters.kubernetes.workloads import Workload
from fp_pipeline.app.peers import RuntimeSpec

GRPC, LINK = 9090, 9100
_OBJECT = f"{names.PREFIX}runtime-of"
"""Label of pods: the Deployment. What may be another tomorrow, as the execution, is no label of theirs."""

Manifest = dict[str, Any]


def address(namespace: str, own: str) -> str:
    """As gRPC names targets: every pod that is READY is one address."""
    return f"dns:///{own}.{namespace}:{GRPC}"


def deployment(name: str, spec: RuntimeSpec, workload: Workload, number: int) -> Manifest:
    own, labels = names.runtime(spec), names.runtime_labels(spec)
    settings = {
        "FP_SERVING_TEAM": spec.team,
        "FP_SERVING_VERSION_ID": spec.version_id,
        "FP_SERVING_MODEL_NAME": spec.model_name,
    }
    pod = workload.made(spec.team, spec.machine, {**labels, _OBJECT: own}, settings)
    pod["spec"]["topologySpreadConstraints"] = [_spread(own)]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": own,
            "labels": {**labels, **names.known_as(name)},
            "annotations": {names.NAME: name, names.WORKLOAD: workload.digest},
        },
        "spec": {
            "replicas": number,
            "revisionHistoryLimit": 1,
            # A new pod is ready before an old one stops.
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "selector": {"matchLabels": {_OBJECT: own}},
            "template": pod,
        },
    }


def belongings(owner: Deployment, spec: RuntimeSpec) -> Mapping[str, Manifest | None]:
    """By kind; None for what the version must not have. Each goes when the Deployment goes."""
    own = names.runtime(spec)
    return {
        "Service": _part(owner, spec, "v1", "Service", _service(own)),
        "HorizontalPodAutoscaler": _part(owner, spec, "autoscaling/v2", "HorizontalPodAutoscaler", _scaler(own, spec))
        if _autoscaled(spec)
        else None,
        "PodDisruptionBudget": _part(owner, spec, "policy/v1", "PodDisruptionBudget", _budget(own))
        if spec.replicas.least > 1
        else None,
    }


def _part(owner: Deployment, spec: RuntimeSpec, version: str, kind: str, content: Manifest) -> Manifest:
    uid = owner.metadata.uid if owner.metadata else None
    own = names.runtime(spec)
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": own, "uid": uid, "controller": True}
    metadata = {"name": own, "labels": names.runtime_labels(spec), "ownerReferences": [reference]}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": content}


def _service(own: str) -> Manifest:
    """Without an address of its own: whoever calls shares calls, not connections, among the pods."""
    ports = [{"name": "grpc", "port": GRPC, "targetPort": "grpc"}, {"name": "link", "port": LINK, "targetPort": "link"}]
    return {"clusterIP": "None", "selector": {_OBJECT: own}, "ports": ports}


def _scaler(own: str, spec: RuntimeSpec) -> Manifest:
    use = {"type": "Utilization", "averageUtilization": spec.replicas.target}
    return {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": own},
        "minReplicas": spec.replicas.least,
        "maxReplicas": spec.replicas.most,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": use}}],
    }


def _spread(own: str) -> Manifest:
    """Over nodes, as far as there are some."""
    chosen = {"labelSelector": {"matchLabels": {_OBJECT: own}}, "maxSkew": 1}
    return {**chosen, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway"}


def _budget(own: str) -> Manifest:
    """A pod that is not ready serves nobody: it must not stop the drain of a node."""
    return {
        "maxUnavailable": 1,
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
        "selector": {"matchLabels": {_OBJECT: own}},
    }


def _autoscaled(spec: RuntimeSpec) -> bool:
    return spec.replicas.most > spec.replicas.least
