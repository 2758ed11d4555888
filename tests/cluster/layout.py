"""Where the cluster lies on this machine, and its addresses."""

import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
# For whoever starts cluster.py as a program.
sys.path.insert(0, str(ROOT / "tools"))

import go_tools  # noqa: E402 -- see the line above

NODE = "forgepoint-node"
# A network of its own behind a pair of virtual interfaces: HOST is this end, NODE_IP the node's.
HOST_LINK, NODE_LINK = "forgepoint0", "forgepoint1"
HOST_IP, NODE_IP = "10.77.0.1", "10.77.0.2"
PODS, NODE_PODS = "10.244.0.0/16", "10.244.0.0/24"
SERVICES, API_SERVICE, DNS_SERVICE = "10.96.0.0/16", "10.96.0.1", "10.96.0.10"
API = f"https://{NODE_IP}:6443"
CGROUP = "forgepoint-cluster"
CONTROLLERS = ("cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids", "systemd")
# What the kubelet sets for the whole machine, although it runs in namespaces.
SYSCTLS = (
    "vm.overcommit_memory",
    "vm.panic_on_oom",
    "kernel.panic",
    "kernel.panic_on_oops",
    "kernel.keys.root_maxkeys",
    "kernel.keys.root_maxbytes",
)
VOLUMES = 20


@dataclass(frozen=True, slots=True)
class Layout:
    """home: below the user's cache, since a clone is removed more often than versions change.

    programs, images: built once. run: of the cluster that runs, gone when it ended.
    """

    home: Path

    @property
    def programs(self) -> Path:
        return self.home / "programs"

    @property
    def images(self) -> Path:
        return self.home / "images"

    @property
    def run(self) -> Path:
        return self.home / "run"

    @property
    def pki(self) -> Path:
        return self.run / "pki"

    @property
    def kubeconfig(self) -> Path:
        return self.pki / "admin.conf"

    @property
    def containerd(self) -> Path:
        return self.run / "containerd.sock"

    @property
    def first_process(self) -> Path:
        """Holds the id, on this side, of the process whose end ends everything."""
        return self.run / "first.pid"

    def program(self, name: str) -> str:
        return str(self.programs / name)


def chosen() -> Layout:
    return Layout(go_tools.cache() / "cluster")
