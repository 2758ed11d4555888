"""What runs in the cluster before anything of ours: names, metrics, network policies, and volumes."""

import json
from collections.abc import Iterator
from typing import Any

from layout import DNS_SERVICE, NODE, VOLUMES, Layout

Object = dict[str, Any]
_SYSTEM = "kube-system"
_SAFE: Object = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "runAsUser": 65532,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
_NAMES = """\
.:53 {
    errors
    health :8080
    ready :8181
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        ttl 5
    }
    prometheus :9153
    cache 5
    loadbalance
}
"""
_READ = ["get", "list", "watch"]


def documents(layout: Layout) -> str:
    """For `kubectl apply`."""
    objects = [*_names(), *_metrics(), *_policies(), _storage_class(), *_volumes(layout)]
    return "\n---\n".join(json.dumps(each) for each in objects)


def _object(api: str, kind: str, name: str, **rest: Any) -> Object:
    namespaced = kind not in {"ClusterRole", "ClusterRoleBinding", "APIService", "StorageClass", "PersistentVolume"}
    metadata = {"name": name, **({"namespace": _SYSTEM} if namespaced else {}), **rest.pop("metadata", {})}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **rest}


def _account(name: str, *rules: Object) -> Iterator[Object]:
    role = f"forgepoint:{name}"
    api = "rbac.authorization.k8s.io"
    yield _object("v1", "ServiceAccount", name)
    yield _object(f"{api}/v1", "ClusterRole", role, rules=list(rules))
    yield _object(
        f"{api}/v1",
        "ClusterRoleBinding",
        role,
        roleRef={"apiGroup": api, "kind": "ClusterRole", "name": role},
        subjects=[{"kind": "ServiceAccount", "name": name, "namespace": _SYSTEM}],
    )


def _workload(kind: str, name: str, container: Object, **pod: Any) -> Object:
    labels = {"app": name}
    whole = {"name": name, "image": f"forgepoint.local/{name}:1", "imagePullPolicy": "Never", **container}
    spec = {"serviceAccountName": name, "containers": [whole], **pod}
    template = {"metadata": {"labels": labels}, "spec": spec}
    return _object("apps/v1", kind, name, spec={"selector": {"matchLabels": labels}, "template": template})


def _volume_mount(name: str, path: str) -> Object:
    return {"name": name, "mountPath": path}


def _asked(cpu: str, memory: str) -> Object:
    return {"requests": {"cpu": cpu, "memory": memory}}


def _names() -> Iterator[Object]:
    yield from _account(
        "coredns",
        {"apiGroups": ["", "discovery.k8s.io"], "resources": ["services", "pods", "namespaces", "endpointslices"]}
        | {"verbs": _READ},
    )
    yield _object("v1", "ConfigMap", "coredns", data={"Corefile": _NAMES})
    ports = [
        {"name": "dns", "port": 53, "targetPort": 53, "protocol": "UDP"},
        {"name": "dns-tcp", "port": 53, "targetPort": 53, "protocol": "TCP"},
    ]
    yield _object(
        "v1", "Service", "kube-dns", spec={"clusterIP": DNS_SERVICE, "selector": {"app": "coredns"}, "ports": ports}
    )
    container = {
        "args": ["-conf", "/etc/coredns/Corefile"],
        "volumeMounts": [_volume_mount("config", "/etc/coredns")],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}, "periodSeconds": 1},
        "resources": _asked("10m", "30Mi"),
        "securityContext": _SAFE,
    }
    config = {"name": "config", "configMap": {"name": "coredns"}}
    # The port of everybody's cluster, without a right to open it: rules that name it are tried here too.
    ports_for_all = {"sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]}
    yield _workload(
        "Deployment", "coredns", container, dnsPolicy="Default", volumes=[config], securityContext=ports_for_all
    )


def _metrics() -> Iterator[Object]:
    name, group = "metrics-server", "metrics.k8s.io"
    reviews = ["tokenreviews", "subjectaccessreviews"]
    yield from _account(
        name,
        {"apiGroups": [""], "resources": ["nodes/metrics"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["pods", "nodes", "configmaps"], "verbs": _READ},
        {"apiGroups": ["authentication.k8s.io", "authorization.k8s.io"], "resources": reviews, "verbs": ["create"]},
    )
    service = {"selector": {"app": name}, "ports": [{"port": 443, "targetPort": 10250}]}
    yield _object("v1", "Service", name, spec=service)
    yield _object(
        "apiregistration.k8s.io/v1",
        "APIService",
        f"v1beta1.{group}",
        spec={
            "group": group,
            "version": "v1beta1",
            "insecureSkipTLSVerify": True,
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "service": {"name": name, "namespace": _SYSTEM},
        },
    )
    flags = [
        *("--cert-dir=/tmp", "--secure-port=10250", "--kubelet-preferred-address-types=InternalIP"),
        *("--kubelet-insecure-tls", "--kubelet-request-timeout=5s", "--metric-resolution=10s"),
    ]
    container = {
        "args": flags,
        "volumeMounts": [_volume_mount("tmp", "/tmp")],  # noqa: S108 -- in the container
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": 10250, "scheme": "HTTPS"}, "periodSeconds": 2},
        "resources": _asked("20m", "50Mi"),
        "securityContext": _SAFE,
    }
    yield _workload("Deployment", name, container, volumes=[{"name": "tmp", "emptyDir": {}}])


def _policies() -> Iterator[Object]:
    """Enforces network policies: it judges each new connection, by the queue that node.py fills."""
    yield from _account(
        "netpol",
        {"apiGroups": ["", "networking.k8s.io"], "resources": ["pods", "namespaces", "nodes", "networkpolicies"]}
        | {"verbs": _READ},
    )
    flags = ["--disable-nri", f"--hostname-override={NODE}", "--netfilter-bug-1766-fix=false"]
    container = {"args": flags, "resources": _asked("10m", "30Mi"), "securityContext": {"privileged": True}}
    yield _workload("DaemonSet", "netpol", container, hostNetwork=True)


def _storage_class() -> Object:
    default = {"annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}
    return _object(
        "storage.k8s.io/v1",
        "StorageClass",
        "standard",
        metadata=default,
        provisioner="kubernetes.io/no-provisioner",
        volumeBindingMode="WaitForFirstConsumer",
    )


def _volumes(layout: Layout) -> Iterator[Object]:
    """Local ones: those of a path of the host would not be given to the group of a pod."""
    host = {"key": "kubernetes.io/hostname", "operator": "In", "values": [NODE]}
    for number in range(VOLUMES):
        spec = {
            "capacity": {"storage": "10Gi"},
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "standard",
            "local": {"path": f"{layout.run}/volumes/{number}"},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [host]}]}},
        }
        yield _object("v1", "PersistentVolume", f"volume-{number}", spec=spec)
