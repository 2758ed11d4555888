"""The first process of the namespaces: makes mounts and routes, then runs the programs of the node until it is killed.

Run by cluster.py, inside: python node.py RUN_FOLDER's parent.
"""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from layout import HOST_LINK, NODE, NODE_IP, NODE_LINK, PODS, SERVICES, VOLUMES, Layout

# Each a tenth of a second.
_TRIES = 600
_ETCD = "http://127.0.0.1:2379"
# What is in memory, by folder, and how much of it at most: what fills one up fails there, and leaves the machine alone.
_IN_MEMORY = {"containerd": "6g", "state": "64m", "etcd": "512m", "kubelet": "2g", "volumes": "4g"}
# Of containerd: images as they came, which are read once, when they are unpacked.
_ON_DISK = "io.containerd.content.v1.content"


def main() -> None:
    layout = Layout(Path(sys.argv[1]))
    _mounts(layout)
    _network()
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "GOFLAGS"):
        os.environ.pop(name, None)
    _keep_running(commands(layout), layout.run / "log")


def _mounts(layout: Layout) -> None:
    """Control groups stay the machine's. /run, and what containers mount on, is in memory: no disk is waited for."""
    run, scratch = layout.run, str(layout.run / "scratch")
    _do("mount", "--make-rprivate", "/")
    _do("mount", "--rbind", "/sys/fs/cgroup", scratch)
    _do("mount", "-t", "sysfs", "sysfs", "/sys")
    _do("mount", "--rbind", scratch, "/sys/fs/cgroup")
    _do("umount", "--lazy", scratch)
    _do("mount", "-t", "tmpfs", "tmpfs", "/run")
    Path("/run/lock").mkdir()
    Path("/run/netns").mkdir()
    _do("mount", "--bind", str(run / "etc" / "resolv.conf"), str(Path("/etc/resolv.conf").resolve()))
    for name, size in _IN_MEMORY.items():
        _do("mount", "-t", "tmpfs", "-o", f"mode=0711,size={size}", f"forgepoint-{name}", str(run / name))
    (run / "containerd" / _ON_DISK).mkdir()
    _do("mount", "--bind", str(run / "content"), str(run / "containerd" / _ON_DISK))
    for number in range(VOLUMES):
        (run / "volumes" / str(number)).mkdir()


def _network() -> None:
    """No default route: what is no address of the cluster cannot be reached from here."""
    for _ in range(_TRIES):
        if Path("/sys/class/net", NODE_LINK).exists():
            break
        time.sleep(0.1)
    else:
        sys.exit(f"nobody gave this namespace {NODE_LINK}, the other end of {HOST_LINK}")
    _do("ip", "link", "set", "lo", "up")
    _do("ip", "address", "add", f"{NODE_IP}/24", "dev", NODE_LINK)
    _do("ip", "link", "set", NODE_LINK, "up")
    # An address of a Service needs a route before it is translated; a bridge without ports gives one.
    _do("ip", "link", "add", "services0", "type", "bridge")
    _do("ip", "link", "set", "services0", "up")
    _do("ip", "route", "add", SERVICES, "dev", "services0", "src", NODE_IP)
    _do("hostname", NODE)
    for setting in ("net.ipv4.ip_forward", "net.bridge.bridge-nf-call-iptables", "net.ipv4.conf.all.route_localnet"):
        _do("sysctl", "--quiet", "--write", f"{setting}=1")
    # To whoever enforces network policies; while he is away everything passes. His own rules would need a kernel with
    # queues of nftables.
    queue = ["-m", "conntrack", "--ctstate", "NEW", "-j", "NFQUEUE", "--queue-num", "100", "--queue-bypass"]
    _do("iptables", "-t", "mangle", "-A", "FORWARD", *queue)


def commands(layout: Layout) -> Mapping[str, Sequence[str]]:
    """Of each program by its name; all start at once, and each waits for what it needs."""
    hyper, run = layout.program("hyper"), layout.run
    return {
        "etcd": _etcd(layout),
        "containerd": ["containerd", "--config", f"{run}/etc/containerd.toml", "--log-level", "warn"],
        "kube-apiserver": [hyper, "kube-apiserver", *_api_server(layout)],
        "kube-controller-manager": [hyper, "kube-controller-manager", *_controllers(layout)],
        "kube-scheduler": [hyper, "kube-scheduler", *_as(layout, "scheduler")],
        "kubelet": [
            *(hyper, "kubelet", f"--config={run}/etc/kubelet.yaml", f"--kubeconfig={layout.pki}/kubelet.conf"),
            *(f"--root-dir={run}/kubelet", f"--cert-dir={run}/kubelet/pki"),
            *(f"--hostname-override={NODE}", f"--node-ip={NODE_IP}", "--v=1"),
        ],
        "kube-proxy": [hyper, "kube-proxy", f"--config={run}/etc/proxy.yaml"],
    }


def _etcd(layout: Layout) -> list[str]:
    peers = "http://127.0.0.1:2380"
    return [
        *(layout.program("etcd"), "--name=forgepoint", f"--data-dir={layout.run}/etcd", "--log-level=warn"),
        # What it holds ends with the cluster.
        "--unsafe-no-fsync",
        *(f"--listen-client-urls={_ETCD}", f"--advertise-client-urls={_ETCD}"),
        *(f"--listen-peer-urls={peers}", f"--initial-advertise-peer-urls={peers}"),
        f"--initial-cluster=forgepoint={peers}",
    ]


def _api_server(layout: Layout) -> list[str]:
    pki = layout.pki
    return [
        *(f"--etcd-servers={_ETCD}", f"--advertise-address={NODE_IP}", f"--service-cluster-ip-range={SERVICES}"),
        *("--allow-privileged", "--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction"),
        *(f"--client-ca-file={pki}/ca.crt", f"--tls-cert-file={pki}/apiserver.crt"),
        *(f"--tls-private-key-file={pki}/apiserver.key", f"--kubelet-certificate-authority={pki}/ca.crt"),
        f"--kubelet-client-certificate={pki}/apiserver-kubelet.crt",
        f"--kubelet-client-key={pki}/apiserver-kubelet.key",
        "--kubelet-preferred-address-types=InternalIP",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        *(f"--service-account-key-file={pki}/tokens.pub", f"--service-account-signing-key-file={pki}/tokens.key"),
        f"--requestheader-client-ca-file={pki}/front-proxy-ca.crt",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={pki}/front-proxy-client.crt",
        f"--proxy-client-key-file={pki}/front-proxy-client.key",
        "--enable-aggregator-routing=true",
    ]


def _controllers(layout: Layout) -> list[str]:
    pki = layout.pki
    return [
        *_as(layout, "controller-manager"),
        *("--allocate-node-cidrs=true", f"--cluster-cidr={PODS}", f"--service-cluster-ip-range={SERVICES}"),
        *(f"--cluster-signing-cert-file={pki}/ca.crt", f"--cluster-signing-key-file={pki}/ca.key"),
        *(f"--root-ca-file={pki}/ca.crt", f"--service-account-private-key-file={pki}/tokens.key"),
        "--use-service-account-credentials=true",
    ]


def _as(layout: Layout, user: str) -> list[str]:
    config = f"{layout.pki}/{user}.conf"
    flags = ("kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig")
    return [*(f"--{flag}={config}" for flag in flags), "--leader-elect=false"]


def _keep_running(wanted: Mapping[str, Sequence[str]], logs: Path) -> None:
    """As the first process it also takes the end of those whose parents are gone."""
    names = {_started(name, wanted[name], logs): name for name in wanted}
    while True:
        ended, _ = os.wait()
        if name := names.pop(ended, None):
            time.sleep(1)  # what fails at once must not fill the disk with its log
            names[_started(name, wanted[name], logs)] = name


def _started(name: str, command: Sequence[str], logs: Path) -> int:
    with (logs / f"{name}.log").open("ab") as log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log).pid


def _do(*command: str) -> None:
    subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
