"""The files that containerd, the kubelet, its network and kube-proxy read."""

import json

from images import PAUSE
from layout import CGROUP, DNS_SERVICE, NODE, NODE_PODS, PODS, Layout

EVICTED_BELOW_MIB = 200
_CONTAINERD = """\
version = 2
root = "{run}/containerd"
state = "{run}/state/containerd"
[grpc]
address = "{run}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{pause}"
# The right to lower a score is not had in a container.
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "{run}/cni"
"""


def write(layout: Layout) -> None:
    """Folders too, those of volumes among them."""
    run = layout.run
    for name in ("etc", "cni", "log", "etcd", "kubelet", "containerd", "content", "state", "scratch", "volumes"):
        (run / name).mkdir(parents=True, exist_ok=True)
    # No address outside of the cluster resolves, and none could be reached.
    (run / "etc" / "resolv.conf").write_text(f"nameserver {DNS_SERVICE}\n")
    (run / "etc" / "containerd.toml").write_text(_CONTAINERD.format(run=run, pause=PAUSE))
    (run / "etc" / "kubelet.yaml").write_text(_blocks(_kubelet(layout)))
    (run / "etc" / "proxy.yaml").write_text(_blocks(_proxy(layout)))
    (run / "cni" / "10-forgepoint.conflist").write_text(json.dumps(_network(layout)))


def _blocks(document: dict[str, object]) -> str:
    """A file that begins with a brace would be read as JSON; below the top level JSON is YAML."""
    return "".join(f"{name}: {json.dumps(value)}\n" for name, value in document.items())


def _kubelet(layout: Layout) -> dict[str, object]:
    pki, run = layout.pki, layout.run
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{pki}/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": f"{pki}/kubelet-server.crt",
        "tlsPrivateKeyFile": f"{pki}/kubelet-server.key",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{CGROUP}",
        "containerRuntimeEndpoint": f"unix://{layout.containerd}",
        "clusterDNS": [DNS_SERVICE],
        "clusterDomain": "cluster.local",
        "resolvConf": f"{run}/etc/resolv.conf",
        "podLogsDir": f"{run}/podlogs",
        "failSwapOn": False,
        "oomScoreAdj": 0,
        "maxPods": 200,
        "nodeStatusUpdateFrequency": "5s",
        # An image that was collected could not be pulled again.
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {
            "memory.available": f"{EVICTED_BELOW_MIB}Mi",
            "nodefs.available": "1%",
            "imagefs.available": "1%",
        },
        "featureGates": {"KubeletInUserNamespace": True},
    }


def _proxy(layout: Layout) -> dict[str, object]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "clientConnection": {"kubeconfig": f"{layout.pki}/proxy.conf"},
        "clusterCIDR": PODS,
        "hostnameOverride": NODE,
        "oomScoreAdj": 0,
        # Its sysctls are not to be had in a network namespace.
        "conntrack": {"maxPerCore": 0, "min": 0},
        "iptables": {"minSyncPeriod": "100ms"},
    }


def _network(layout: Layout) -> dict[str, object]:
    addresses = {
        "type": "host-local",
        "dataDir": f"{layout.run}/state/addresses",
        "ranges": [[{"subnet": NODE_PODS}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    bridge = {"type": "bridge", "bridge": "cni0", "isGateway": True, "hairpinMode": True, "ipam": addresses}
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "1.0.0", "name": "forgepoint", "plugins": [bridge, ports]}
