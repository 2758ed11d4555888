"""What tests ask of the cluster."""

import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from images import PAUSE
from layout import Layout

_SECONDS = 300


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


def restricted(name: str) -> dict[str, Any]:
    """A pod that may do nothing."""
    safe = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    container = {"name": "pause", "image": PAUSE, "imagePullPolicy": "Never", "securityContext": safe}
    spec = {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 1,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
