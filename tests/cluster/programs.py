"""The programs of the cluster: Debian's packages, and what is compiled from modules of Go."""

import os
import subprocess
import sys
from pathlib import Path

from layout import HERE, Layout, go_tools

_PACKAGES = (
    "containerd",
    "runc",
    "containernetworking-plugins",
    "iptables",
    "conntrack",
    "socat",
    "ipset",
    "ethtool",
    "debootstrap",
    "buildah",
)
_KUBERNETES = "v1.34.4"
_VERSION = "k8s.io/component-base/version"
# Name, module, package.
_COMPILED = (
    ("hyper", "hyper", "."),
    ("coredns", "addons", "."),
    ("netpol", "addons", "sigs.k8s.io/kube-network-policies/cmd"),
    ("metrics-server", "addons", "sigs.k8s.io/metrics-server/cmd/metrics-server"),
)


def install_packages() -> None:
    """Those of Debian that are missing. It takes root, as a container runtime does."""
    asked = ["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\n", *_PACKAGES]
    listed = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    missing = [name for name in _PACKAGES if f"{name} installed" not in listed.splitlines()]
    if missing:
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "--quiet=2", "update"], env=quiet, check=True)
        install = ["apt-get", "--quiet=2", "install", "--yes", "--no-install-recommends", *missing]
        subprocess.run(install, env=quiet, stdout=subprocess.DEVNULL, check=True)


def compile_programs(layout: Layout) -> None:
    """Those that are not there in the version of their go.sum."""
    layout.programs.mkdir(parents=True, exist_ok=True)
    for name, module, package in _COMPILED:
        target, stamp = layout.programs / name, layout.programs / f"{name}.sum"
        wanted = (HERE / module / "go.sum").read_bytes()
        if not (target.is_file() and stamp.is_file() and stamp.read_bytes() == wanted):
            _compile(HERE / module, package, target)
            stamp.write_bytes(wanted)
    for alias in ("etcd", "kubectl"):
        link = layout.programs / alias
        link.unlink(missing_ok=True)
        link.symlink_to("hyper")


def _compile(module: Path, package: str, target: Path) -> None:
    print(f"compiling {target.name}", file=sys.stderr, flush=True)
    version = [f"-X {_VERSION}.gitVersion={_KUBERNETES}", f"-X {_VERSION}.gitMajor=1", f"-X {_VERSION}.gitMinor=34"]
    named = version if target.name == "hyper" else []
    tags = ["-tags", "selinux,grpcnotrace"] if target.name == "hyper" else []
    flags = ["-trimpath", *tags, "-ldflags", " ".join(["-s -w", *named])]
    go_tools.go(["build", *flags, "-o", str(target), package], module)
