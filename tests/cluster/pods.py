"""What tests ask of the cluster."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cluster as commands
from layout import Layout

KNOCK = "forgepoint.local/knock:1"
_SECONDS = 300
# Each waits a second.
_TRIES = 30


@dataclass(frozen=True, slots=True)
class Cluster:
    layout: Layout

    def asked(self, *arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        command = [self.layout.program("kubectl"), f"--kubeconfig={self.layout.kubeconfig}", *arguments]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=_SECONDS + 60)

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        """Raises AssertionError with what it has said."""
        done = self.asked(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def apply(self, manifests: Iterable[Any]) -> str:
        """What the API server warned of."""
        text = "\n---\n".join(json.dumps(each) for each in manifests)
        done = self.asked("apply", "--server-side", "-f", "-", stdin=text)
        assert done.returncode == 0, done.stderr
        return done.stderr

    def items(self, kind: str, namespace: str, *options: str) -> list[dict[str, Any]]:
        found = json.loads(self.kubectl("--namespace", namespace, "get", kind, "--output=json", *options))
        return list(found["items"])

    def inside(self, path: str) -> Path:
        """A path of the node's, as it is found from here."""
        return Path(f"/proc/{self.layout.first_process.read_text()}/root") / path.lstrip("/")

    def empty_volumes(self, namespace: str) -> None:
        """Those of a namespace that is gone become what they were: nobody's, with nothing in them."""
        for volume in json.loads(self.kubectl("get", "persistentvolumes", "--output=json"))["items"]:
            if volume["spec"].get("claimRef", {}).get("namespace") != namespace:
                continue
            name = f"persistentvolume/{volume['metadata']['name']}"
            self.kubectl("wait", name, "--for=jsonpath={.status.phase}=Released", f"--timeout={_SECONDS}s")
            for each in self.inside(volume["spec"]["local"]["path"]).iterdir():
                shutil.rmtree(each) if each.is_dir() and not each.is_symlink() else each.unlink()
            self.kubectl("patch", name, "--type=merge", '--patch={"spec": {"claimRef": null}}')

    @contextmanager
    def standing_still(self, program: str) -> Iterator[None]:
        """It keeps its connections and answers nothing."""
        self.signal(program, signal.SIGSTOP)
        try:
            yield
        finally:
            self.signal(program, signal.SIGCONT)

    def signal(self, program: str, number: signal.Signals) -> None:
        """To one that the node runs; they are known by the name that follows the file's."""
        [process] = [
            int(each.parent.name)
            for each in Path("/proc").glob("[0-9]*/cmdline")
            if each.read_bytes().split(b"\0")[1:2] == [program.encode()]
        ]
        os.kill(process, number)

    def kill(self, pod: dict[str, Any]) -> None:
        """Without a word to it; its place is another one's. Returns when that one is ready."""
        namespace, labels = pod["metadata"]["namespace"], pod["metadata"]["labels"]
        wanted = len(self._ready(namespace, labels))
        [now] = self.items("pods", namespace, f"--field-selector=metadata.name={pod['metadata']['name']}")
        [status] = now["status"]["containerStatuses"]
        container = status["containerID"].removeprefix("containerd://")
        commands.containers(self.layout, "tasks", "kill", "--signal", "SIGKILL", "--all", container)
        gone = ("delete", "pod", pod["metadata"]["name"], "--force", "--grace-period=0")
        self.kubectl("--namespace", namespace, *gone)
        for _ in range(_SECONDS):
            if len(self._ready(namespace, labels) - {pod["metadata"]["uid"]}) >= wanted:
                return
            time.sleep(1)
        raise AssertionError(f"nothing became ready in the place of {pod['metadata']['name']} in {_SECONDS} s")

    def _ready(self, namespace: str, labels: dict[str, str]) -> set[str]:
        """Ids of the pods that are, of those with the labels that do not differ from one build to the next."""
        chosen = ",".join(f"{name}={value}" for name, value in labels.items() if name.startswith("forgepoint.io/"))
        return {pod["metadata"]["uid"] for pod in self.items("pods", namespace, f"--selector={chosen}") if ready(pod)}

    def addresses(self, namespace: str, label: str) -> dict[str, str]:
        """Of the pods that have the label, by its value."""
        pods = json.loads(self.kubectl("--namespace", namespace, "get", "pods", "--output=json"))["items"]
        return {
            pod["metadata"]["labels"][label]: pod["status"]["podIP"]
            for pod in pods
            if label in pod["metadata"].get("labels", {})
        }

    def reached(self, namespace: str, pod: str, targets: Sequence[str], wanted: set[str]) -> set[str]:
        """Which of `address:port` the pod can open; asked again while one of `wanted` has not answered."""
        found: set[str] = set()
        for _ in range(_TRIES):
            found |= set(self.kubectl("--namespace", namespace, "exec", pod, "--", "/knock", "try", *targets).split())
            if wanted <= found:
                break
        return found


def ready(pod: dict[str, Any]) -> bool:
    conditions = pod["status"].get("conditions", ())
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def knocking(name: str, labels: dict[str, str], ports: Iterable[int]) -> dict[str, Any]:
    """A pod that may do nothing, and listens."""
    pod = restricted(name, labels)
    pod["spec"]["containers"][0] |= {
        "name": "knock",
        "image": KNOCK,
        "args": ["serve", *(str(port) for port in ports)],
        "resources": {"limits": {"memory": "16Mi"}},
    }
    return pod


def restricted(name: str, labels: dict[str, str]) -> dict[str, Any]:
    """A pod that may do nothing; its one container has yet to get an image."""
    safe = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    spec = {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 1,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{"imagePullPolicy": "Never", "securityContext": safe}],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": spec}
