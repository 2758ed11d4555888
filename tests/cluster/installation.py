"""The platform in the cluster: its images, secrets, stores and chart, as somebody installs it."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import chart_facts
import go_tools
import store_facts
from layout import NODE_IP, ROOT
from pods import Cluster

CHART, STORES = ROOT / chart_facts.CHART, ROOT / store_facts.CHART
# A cluster of one node that is a laptop's.
VALUES = [CHART / "values-kind.yaml", CHART / "values-small.yaml"]
EDGE_PORT = 30080
EDGE = f"http://{NODE_IP}:{EDGE_PORT}"
# What stands in the way of a prediction, so that one pod of each may go.
TWICE = tuple(part for noun in ("edge", "inference") for part in ("--set", f"services.{noun}.replicas=2"))
_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Installation:
    """folder: where its secrets are kept."""

    cluster: Cluster
    namespace: str
    folder: Path

    def make(self) -> None:
        """Returns when all of it is ready."""
        self.apply_secrets()
        self.helm("install", "stores", str(STORES), "--wait", f"--timeout={_SECONDS}s")
        self.upgrade("--install")
        self._apply_secrets("fp-runtimes", "--program", "serving")

    def doubled(self, *options: str) -> str:
        """What stands in the way of a prediction, twice; databases and streams stay as they are."""
        return self.upgrade("--no-hooks", *TWICE, *options)

    def roll_back(self) -> str:
        """To the revision before."""
        return self.helm("rollback", "forgepoint", "--wait", f"--timeout={_SECONDS}s")

    def unmake(self) -> None:
        """As somebody uninstalls them; volumes and secrets, which no release owns, go with the namespace."""
        for release in ("forgepoint", "stores"):
            self.helm("uninstall", release, "--wait", f"--timeout={_SECONDS}s")

    def upgrade(self, *options: str, chart: Path = CHART) -> str:
        """Returns when everything is ready."""
        values = [part for file in VALUES for part in ("--values", str(file))]
        address = ["--set", f"publicUrl={EDGE}"]
        waits = ["--wait", f"--timeout={_SECONDS}s"]
        return self.helm("upgrade", "forgepoint", str(chart), *values, *address, *waits, *options)

    def helm(self, *arguments: str) -> str:
        """Raises AssertionError with what it says, and how the pods are."""
        command = [str(go_tools.tool("helm")), "--namespace", self.namespace, *arguments]
        environment = {**os.environ, "KUBECONFIG": str(self.cluster.layout.kubeconfig)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{done.stderr}\n{done.stdout}\n{self.kubectl('get', 'pods,jobs')}"
        return done.stdout

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        return self.cluster.kubectl("--namespace", self.namespace, *arguments, stdin=stdin)

    def pods(self) -> list[dict[str, Any]]:
        """Those that stay."""
        found = json.loads(self.kubectl("get", "pods", "--output=json"))["items"]
        return [pod for pod in found if pod["spec"]["restartPolicy"] == "Always"]

    def generations(self) -> dict[str, int]:
        """Of each workload: it counts changes of what is wanted."""
        found = json.loads(self.kubectl("get", "deployments,statefulsets", "--output=json"))["items"]
        return {f"{each['kind']}/{each['metadata']['name']}": each["metadata"]["generation"] for each in found}

    def starts(self) -> Iterator[tuple[str, float]]:
        """Of each pod: seconds from the start of its program until it was ready."""
        for pod in self.pods():
            [status] = pod["status"]["containerStatuses"]
            ready = next(each for each in pod["status"]["conditions"] if each["type"] == "Ready")
            began, ended = status["state"]["running"]["startedAt"], ready["lastTransitionTime"]
            yield pod["metadata"]["name"], (_moment(ended) - _moment(began)).total_seconds()

    def jobs(self) -> list[str]:
        """Names of what hooks have left: those that failed."""
        return self.kubectl("get", "jobs", "--output=jsonpath={.items[*].metadata.name}").split()

    def apply_secrets(self) -> None:
        """As they were made."""
        self._apply_secrets(self.namespace)

    def patch_secret(self, name: str, change: Callable[[dict[str, str]], object]) -> None:
        """change: gets the variables in it."""
        found = json.loads(self.kubectl("get", f"secret/{name}", "--output=json"))
        values = {key: base64.b64decode(value).decode() for key, value in found["data"].items()}
        change(values)
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
        self.kubectl("replace", "-f", "-", stdin=json.dumps({**found, "data": encoded}))

    def password(self) -> str:
        """Of the first admin."""
        return str(json.loads((self.folder / "secrets.json").read_text())["bootstrap.password"])

    def _apply_secrets(self, namespace: str, *options: str) -> None:
        command = [sys.executable, "-m", "fp_devstack.hosted.logins", "--folder", str(self.folder), *options]
        made = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        self.cluster.kubectl("--namespace", namespace, "apply", "-f", "-", stdin=made)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
