"""The first level of the cluster's tests, as CI runs it: cluster, names, metrics, network policies, chart, main job.

python tests/cluster/level_one.py   ends with 1 where a test failed, else with 0; the last line says whether they ran

They do not run where nothing changed since they passed on this machine, where the machine cannot have a cluster, and no
longer than their time: each is said by name, and none of it is a pass. Environment: FORGEPOINT_CLUSTER=always runs them
although nothing has changed.
"""

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import builds
import cluster
import noted
from layout import HERE, ROOT, Layout, chosen

_TESTS = ("test_chart_in_a_cluster.py", "test_network_of_workloads.py", "test_installation.py", "test_story.py")
# Everything together, from a machine that has built nothing.
_SECONDS = 25 * 60
_END_SECONDS = 90
_MEMORY_GB, _DISK_GB = 8, 12
# What a change of can only be judged in a cluster.
_JUDGED = ("deploy", "tests/cluster", "uv.lock", "services/*/src/*/main.py", "services/*/src/*/settings.py")


def main() -> int:
    layout = chosen()
    stamp, wanted = layout.home / "level-one.green", _digest()
    if os.environ.get("FORGEPOINT_CLUSTER") != "always" and stamp.is_file() and stamp.read_text() == wanted:
        return _said("unchanged since it passed on this machine")
    if reason := lacking(layout):
        return _said(f"NOT RUN: {reason}")
    ends, failure = time.monotonic() + _SECONDS, noted.failure(layout)
    failure.unlink(missing_ok=True)
    try:
        if reason := _prepared(ends):
            return _said(f"NOT RUN: this machine could not prepare it: {reason}")
        code = _run(ends, str(HERE / "noted.py"), *(str(HERE / name) for name in _TESTS))
    except subprocess.TimeoutExpired:
        if failure.exists():
            return _said("FAILED before its time was over", 1)
        return _said(f"NOT JUDGED: it was not over within {_SECONDS // 60} minutes")
    finally:
        _run(time.monotonic() + _END_SECONDS, str(HERE / "cluster.py"), "down")
    if code == 0:
        stamp.write_text(wanted)
    return _said("passed" if code == 0 else "FAILED", code)


def lacking(layout: Layout) -> str:
    """What the machine has not and a cluster needs, by name."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "it takes root, on Linux"
    if not Path("/sys/fs/cgroup/memory").is_dir():
        return "there are no control groups of version 1"
    apart = ["unshare", "--mount", "--net", "--pid", "--uts", "--ipc", "--fork", "--mount-proc", "true"]
    if shutil.which("apt-get") is None or shutil.which("unshare") is None:
        return "it takes Debian's packages"
    if subprocess.run(apart, capture_output=True, check=False).returncode:
        return "this process may make no namespaces"
    layout.home.mkdir(parents=True, exist_ok=True)
    room, memory = shutil.disk_usage(layout.home).free / 1e9, _memory_gb()
    if room < _DISK_GB or memory < _MEMORY_GB:
        return f"it takes {_DISK_GB} GB of disk and {_MEMORY_GB} of memory; free are {room:.0f} and {memory:.0f}"
    return ""


def _memory_gb() -> float:
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")) * 1024 / 1e9


def _prepared(ends: float) -> str:
    """What failed of that which the machine or a registry answers for, and not we; empty where nothing did."""
    for what, command in (
        ("programs", [str(HERE / "cluster.py"), "build"]),
        ("bases of images", [str(HERE / "level_one.py"), "bases"]),
        ("a node", [str(HERE / "cluster.py"), "up"]),
    ):
        if _run(ends, *command):
            return what
    return ""


def _run(ends: float, *command: str) -> int:
    """Raises TimeoutExpired, with nothing of it left."""
    process = subprocess.Popen([sys.executable, *command], cwd=ROOT, start_new_session=True)
    try:
        return process.wait(max(1.0, ends - time.monotonic()))
    finally:
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _digest() -> str:
    digest = hashlib.sha256()
    for path in sorted(set(_files(_JUDGED))):
        digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _files(patterns: Sequence[str]) -> Iterator[Path]:
    listed = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns]
    names = subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split("\0")
    yield from (ROOT / name for name in names if name and (ROOT / name).is_file())


def _said(text: str, code: int = 0) -> int:
    print(f"cluster, level 1: {text}", flush=True)
    return code


if __name__ == "__main__":
    if sys.argv[1:] == ["bases"]:
        builds.load_bases(chosen())
        sys.exit(0)
    try:
        sys.exit(main())
    except cluster.Failed as failed:
        sys.exit(str(failed))
