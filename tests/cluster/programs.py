"""The programs of the cluster: Debian's packages, and what is compiled from modules of Go."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from layout import HERE, Layout

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
)
_INSTALLED = "/usr/local/go/bin/go"
_KUBERNETES = "v1.34.4"
_VERSION = "k8s.io/component-base/version"


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
    """What is not there in the version of its go.sum."""
    layout.programs.mkdir(parents=True, exist_ok=True)
    target, stamp = layout.programs / "hyper", layout.programs / "hyper.sum"
    wanted = (HERE / "hyper" / "go.sum").read_bytes()
    if not (target.is_file() and stamp.is_file() and stamp.read_bytes() == wanted):
        _compile(HERE / "hyper", target)
        stamp.write_bytes(wanted)
    for alias in ("etcd", "kubectl"):
        link = layout.programs / alias
        link.unlink(missing_ok=True)
        link.symlink_to("hyper")


def _compile(module: Path, target: Path) -> None:
    print(f"compiling {target.name}", file=sys.stderr, flush=True)
    version = [f"-X {_VERSION}.gitVersion={_KUBERNETES}", f"-X {_VERSION}.gitMajor=1", f"-X {_VERSION}.gitMinor=34"]
    flags = ["-trimpath", "-tags", "selinux,grpcnotrace", "-ldflags", " ".join(["-s -w", *version])]
    go = shutil.which("go") or _INSTALLED
    environment = {
        **os.environ,
        "CGO_ENABLED": "0",
        "GOFLAGS": "-buildvcs=false -mod=readonly",
        "GOTOOLCHAIN": "local",
        # Half of the time of a compilation is collecting, where memory is short. It is not.
        "GOGC": "400",
    }
    # Whoever works on this machine goes first: it takes minutes, once.
    command = ["nice", "-n", "10", go, "build", *flags, "-o", str(target), "."]
    subprocess.run(command, cwd=module, env=environment, check=True)
