"""What tests ask of the cluster."""

import json
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

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


def knocking(name: str, labels: dict[str, str], ports: Iterable[int]) -> dict[str, Any]:
    """A pod that may do nothing, and listens."""
    safe = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    container = {
        "name": "knock",
        "image": KNOCK,
        "imagePullPolicy": "Never",
        "args": ["serve", *(str(port) for port in ports)],
        "securityContext": safe,
        "resources": {"limits": {"memory": "16Mi"}},
    }
    spec = {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 1,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": spec}
