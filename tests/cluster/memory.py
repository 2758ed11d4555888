"""How much memory the pods of a node may take together, and how much each took."""

import json
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from layout import NODE
from pods import Cluster
from settings import EVICTED_BELOW_MIB

_MIB = 1 << 20
_UNITS = {"": 1, "Ki": 1 << 10, "Mi": _MIB, "Gi": 1 << 30}
_SECONDS = 300
_PAUSE = 3.0


@contextmanager
def allocatable(cluster: Cluster, mib: int) -> Iterator[None]:
    """The kubelet keeps the rest of the machine from pods: it admits no more, and all are in one group with a bound."""
    file = cluster.layout.run / "etc" / "kubelet.yaml"
    before = file.read_text()
    reserved = _bytes(_node(cluster)["capacity"]["memory"]) // _MIB - mib - EVICTED_BELOW_MIB
    assert reserved > 0, "the machine is smaller than that"
    _restarted(cluster, f'{before}systemReserved: {{"memory": "{reserved}Mi"}}\n')
    try:
        assert _bytes(_node(cluster)["allocatable"]["memory"]) // _MIB == mib
        yield
    finally:
        _restarted(cluster, before)


@contextmanager
def watched(cluster: Cluster) -> Iterator[Counter[str]]:
    """The most that each pod took, in MiB, by namespace and name; and of all at once, as `together`."""
    most: Counter[str] = Counter()
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_PAUSE):
            now = _taken(cluster)
            now["together"] = sum(now.values())
            for name, mib in now.items():
                most[name] = max(most[name], mib)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield most
    finally:
        ended.set()
        watcher.join()


def _taken(cluster: Cluster) -> Counter[str]:
    """Working sets. Nothing while the metrics are away."""
    asked = cluster.asked("get", "--raw", "/apis/metrics.k8s.io/v1beta1/pods")
    found: Counter[str] = Counter()
    for pod in json.loads(asked.stdout)["items"] if asked.returncode == 0 else ():
        name = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
        found[name] = sum(_bytes(each["usage"]["memory"]) for each in pod["containers"]) // _MIB
    return found


def _restarted(cluster: Cluster, configuration: str) -> None:
    """Another kubelet, of the same pods, by this configuration; the node's first process starts it."""
    (cluster.layout.run / "etc" / "kubelet.yaml").write_text(configuration)
    before = _node(cluster)["allocatable"]
    cluster.signal("kubelet", signal.SIGTERM)
    for _ in range(_SECONDS):
        if _node(cluster)["allocatable"] != before:
            break
        time.sleep(1)
    else:
        raise AssertionError(f"the kubelet did not take its configuration within {_SECONDS} s")
    cluster.kubectl("wait", f"node/{NODE}", "--for=condition=Ready", f"--timeout={_SECONDS}s")


def _node(cluster: Cluster) -> dict[str, dict[str, str]]:
    status: dict[str, dict[str, str]] = json.loads(cluster.kubectl("get", f"node/{NODE}", "--output=json"))["status"]
    return status


def _bytes(quantity: str) -> int:
    [(number, unit)] = re.findall(r"^(\d+)(|Ki|Mi|Gi)$", quantity)
    return int(number) * _UNITS[unit]
