"""A real Kubernetes of one node in namespaces of its own, from nothing but package registries; root and Linux.

python tests/cluster/cluster.py up              builds what is missing and returns when the node is ready
python tests/cluster/cluster.py down            ends all of it; nothing is left but what was built
python tests/cluster/cluster.py status          what runs
python tests/cluster/cluster.py build           only builds
python tests/cluster/cluster.py images          builds the platform's images and prints their sizes
python tests/cluster/cluster.py import FILE...  gives the node images, in archives of docker
python tests/cluster/cluster.py kubectl ...     as its administrator

KUBECONFIG of the administrator: ~/.cache/forgepoint/cluster/run/pki/admin.conf. How it works: README.md.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import builds
import images
import objects
import pki
import programs
import settings
from layout import (
    CGROUP,
    CONTROLLERS,
    HERE,
    HOST_IP,
    HOST_LINK,
    NODE,
    NODE_LINK,
    SYSCTLS,
    Layout,
    chosen,
)

_CGROUPS = Path("/sys/fs/cgroup")
_LINKS = Path("/sys/class/net")
# Bounds of a machine that does much beside; an idle one needs a tenth.
_API_SECONDS = 240
_READY_SECONDS = 300
_END_SECONDS = 60
# A process of nice 0 has 1024.
_SHARES = 20 * 1024
# It outlives this program; forgotten while that runs, Python would complain of it.
_LEFT_BEHIND: list["subprocess.Popen[bytes]"] = []


class Failed(Exception):
    """The message is for whoever gave the command."""


def up(layout: Layout) -> None:
    if running(layout):
        print("it is up already")
        return
    build(layout)
    _clear(layout)
    pki.make(layout.pki)
    settings.write(layout)
    _note_sysctls(layout)
    _make_cgroups()
    _start_node(layout)
    _wait("the API server answers", lambda: kubectl(layout, "get", "--raw", "/readyz", quiet=True), _API_SECONDS)
    import_images(layout, images.make_own(layout))
    kubectl(layout, "wait", "--for=create", f"node/{NODE}", f"--timeout={_READY_SECONDS}s")
    kubectl(layout, "wait", "--for=condition=Ready", f"node/{NODE}", f"--timeout={_READY_SECONDS}s")
    kubectl(layout, "apply", "--server-side", "-f", "-", stdin=objects.documents(layout))
    for workload in ("deployment/coredns", "deployment/metrics-server", "daemonset/netpol"):
        kubectl(layout, "--namespace=kube-system", "rollout", "status", workload, f"--timeout={_READY_SECONDS}s")
    print(f"up; KUBECONFIG={layout.kubeconfig}")


def build(layout: Layout) -> None:
    if os.geteuid() != 0:
        raise Failed("a container runtime needs root")
    programs.install_packages()
    programs.compile_programs(layout)
    images.make_own(layout)


def measure(layout: Layout) -> None:
    builds.archive(layout)
    for recipe in builds.recipes():
        print(f"{recipe.image:40} {builds.compressed_bytes(layout, recipe) / 1e6:6.0f} MB compressed", flush=True)


def down(layout: Layout) -> None:
    _clear(layout)
    if left := leftovers(layout):
        raise Failed("still there: " + ", ".join(left))
    print("down; nothing is left")


def status(layout: Layout) -> None:
    if not running(layout):
        raise Failed("it is not up")
    kubectl(layout, "get", "nodes,pods", "--all-namespaces", "--output=wide")


def import_images(layout: Layout, archives: list[Path]) -> None:
    for archive in archives:
        containers(layout, "images", "import", str(archive.resolve()))


def containers(layout: Layout, *arguments: str) -> None:
    """containerd's command, inside."""
    _inside(layout, "ctr", "--address", str(layout.containerd), "--namespace", "k8s.io", *arguments)


def kubectl(layout: Layout, *arguments: str, stdin: str | None = None, quiet: bool = False) -> bool:
    """Raises Failed, or is False where it is `quiet`."""
    command = [layout.program("kubectl"), f"--kubeconfig={layout.kubeconfig}", *arguments]
    shown = subprocess.DEVNULL if quiet or stdin else None
    done = subprocess.run(
        command, input=stdin, text=True, stdout=shown, stderr=subprocess.DEVNULL if quiet else None, check=False
    )
    if done.returncode and not quiet:
        raise Failed(f"kubectl {' '.join(arguments)} failed")
    return done.returncode == 0


def running(layout: Layout) -> bool:
    return (found := _first(layout)) is not None and Path(f"/proc/{found}").exists()


def leftovers(layout: Layout) -> list[str]:
    """What a cluster would leave on the machine: groups, mounts, links, and settings that are not as before."""
    mounts = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
    return [
        *(str(path) for path in _groups()),
        *(line.split()[1] for line in mounts if str(layout.run) in line),
        *(
            name
            for name in (each.name for each in _LINKS.iterdir())
            if name in (HOST_LINK, NODE_LINK, "cni0", "services0")
        ),
        *([str(layout.run)] if layout.run.exists() else []),
    ]


def _first(layout: Layout) -> int | None:
    try:
        return int(layout.first_process.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _start_node(layout: Layout) -> None:
    """Everything hangs on one process: when it ends, the kernel ends all others, their mounts and their networks."""
    apart = ["unshare", "--mount", "--net", "--pid", "--uts", "--ipc", "--fork", "--mount-proc", "--kill-child"]
    with (layout.run / "log" / "node.log").open("ab") as log:
        outer = subprocess.Popen(
            [*apart, sys.executable, str(HERE / "node.py"), str(layout.home)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    _LEFT_BEHIND.append(outer)
    children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children")
    _wait("the namespaces are made", lambda: bool(children.read_text(encoding="ascii").split()), _END_SECONDS)
    first = children.read_text(encoding="ascii").split()[0]
    layout.first_process.write_text(first, encoding="ascii")
    _do("ip", "link", "add", HOST_LINK, "type", "veth", "peer", "name", NODE_LINK)
    _do("ip", "link", "set", NODE_LINK, "netns", first)
    _do("ip", "address", "add", f"{HOST_IP}/24", "dev", HOST_LINK)
    _do("ip", "link", "set", HOST_LINK, "up")


def _clear(layout: Layout) -> None:
    """Also of a cluster that was killed in the middle of its start."""
    if running(layout) and (first := _first(layout)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(first, signal.SIGKILL)
        _wait("its processes have ended", lambda: not Path(f"/proc/{first}").exists(), _END_SECONDS)
    subprocess.run(["ip", "link", "delete", HOST_LINK], capture_output=True, check=False)
    _wait("its groups are gone", _removed_groups, _END_SECONDS)
    for file in (layout.run / "sysctl").glob("*"):
        subprocess.run(["sysctl", "--quiet", "--write", f"{file.name}={file.read_text()}"], check=False)
    shutil.rmtree(layout.run, ignore_errors=True)


def _groups() -> Iterator[Path]:
    """The deepest first."""
    for top in _CGROUPS.glob(f"*/{CGROUP}"):
        for folder, _, _ in os.walk(top, topdown=False):
            yield Path(folder)


def _removed_groups() -> bool:
    for group in list(_groups()):
        with contextlib.suppress(OSError):  # a process of it has not quite ended
            group.rmdir()
    return not any(_groups())


def _make_cgroups() -> None:
    for controller in CONTROLLERS:
        if (_CGROUPS / controller).is_dir():
            (_CGROUPS / controller / CGROUP).mkdir(exist_ok=True)
    for what in ("cpus", "mems"):
        name = f"cpuset.{what}"
        (_CGROUPS / "cpuset" / CGROUP / name).write_text((_CGROUPS / "cpuset" / name).read_text())
    # All pods together would weigh as much as one process beside them, and starve on a machine that does much else.
    (_CGROUPS / "cpu" / CGROUP / "cpu.shares").write_text(str(_SHARES))


def _note_sysctls(layout: Layout) -> None:
    folder = layout.run / "sysctl"
    folder.mkdir()
    for name in SYSCTLS:
        asked = subprocess.run(["sysctl", "--values", name], capture_output=True, text=True, check=False)
        if asked.returncode == 0:
            (folder / name).write_text(asked.stdout.strip())


def _inside(layout: Layout, *command: str) -> None:
    spaces = ["nsenter", "--target", str(_first(layout)), "--mount", "--net", "--pid", "--"]
    subprocess.run([*spaces, *command], stdout=subprocess.DEVNULL, check=True)


def _wait(what: str, condition: Callable[[], bool], seconds: int) -> None:
    """seconds: at least, while the condition takes no time."""
    for _ in range(10 * seconds):
        if condition():
            return
        time.sleep(0.1)
    raise Failed(f"waited {seconds} s in vain until {what}")


def _do(*command: str) -> None:
    subprocess.run(command, check=True)


def main(arguments: list[str]) -> int:
    layout = chosen()
    layout.home.mkdir(parents=True, exist_ok=True)
    match arguments:
        case ["kubectl", *rest]:
            return 0 if kubectl(layout, *rest, quiet=False) else 1
        case ["import", *files]:
            import_images(layout, [Path(file) for file in files])
        case [("up" | "down" | "status" | "build" | "images") as name]:
            # Two at once would take each other's links and groups.
            with (layout.home / "lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                {"up": up, "down": down, "status": status, "build": build, "images": measure}[name](layout)
        case _:
            raise Failed(str(__doc__))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Failed as failed:
        sys.exit(str(failed))
