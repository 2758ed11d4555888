"""The main job inside the cluster, told by a pod with the rights of a job."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import builds
from installation import Installation
from pods import restricted

NAMESPACE = "fp-jobs"
_NAME = "story"
_LOGIN = "story-login"
_SECONDS = 2400


class Story:
    def __init__(self, installation: Installation) -> None:
        self._cluster = installation.cluster

    def said(self) -> str:
        """Nothing, before it has begun."""
        return self._cluster.asked("--namespace", NAMESPACE, "logs", _NAME).stdout

    def reached(self, words: str) -> None:
        """Raises AssertionError where it ended before."""
        for _ in range(_SECONDS):
            if words in (said := self.said()):
                return
            assert self._exit_code() is None, said
            time.sleep(1)
        raise AssertionError(f"{words!r} was not said in {_SECONDS} s")

    def outcome(self) -> dict[str, Any]:
        """Its last line."""
        for _ in range(_SECONDS):
            if self._exit_code() is not None:
                break
            time.sleep(1)
        said = self.said()
        print(said)
        assert said.strip(), "it has said nothing"
        found: dict[str, Any] = json.loads(said.strip().splitlines()[-1])
        return found

    def _exit_code(self) -> int | None:
        """None before its end."""
        path = "--output=jsonpath={.status.containerStatuses[*].state.terminated.exitCode}"
        found = self._cluster.kubectl("--namespace", NAMESPACE, "get", f"pod/{_NAME}", path)
        return int(found) if found else None


@contextmanager
def told(installation: Installation, flights: int) -> Iterator[Story]:
    """While somebody tells it."""
    cluster = installation.cluster
    login = {"FP_EMAIL": "admin@forgepoint.local", "FP_PASSWORD": installation.password()}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": _LOGIN, "namespace": NAMESPACE}}
    cluster.apply([{**secret, "stringData": login}, _pod(installation.namespace, flights)])
    try:
        yield Story(installation)
    finally:
        cluster.kubectl("--namespace", NAMESPACE, "delete", f"pod/{_NAME}", f"secret/{_LOGIN}")


def closed(outcome: dict[str, Any], flights: int) -> None:
    """Every flight was predicted, each prediction metered once, and the loop went round."""
    assert outcome["status"] == "closed", outcome
    assert outcome["failed_predictions"] == 0
    assert outcome["usage_recorded"] == outcome["predictions"] >= flights


def _pod(home: str, flights: int) -> dict[str, Any]:
    labels = {"app.kubernetes.io/part-of": "forgepoint", "forgepoint.io/program": "job"}
    pod = restricted(_NAME, labels)
    pod["metadata"]["namespace"] = NAMESPACE
    [container] = pod["spec"]["containers"]
    container |= {
        "name": _NAME,
        "image": f"forgepoint.local/flights-jobs:{builds.version()}",
        "args": ["--address", "edge:8000", "--insecure", "--flights", str(flights)],
        "env": [{"name": name, "value": "/tmp"} for name in ("HOME", "TMPDIR")],  # noqa: S108 -- in the container
        "envFrom": [{"secretRef": {"name": _LOGIN}}],
        "resources": {"limits": {"memory": "2Gi"}, "requests": {"memory": "256Mi", "cpu": "50m"}},
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 -- in the container
    }
    pod["spec"] |= {
        "restartPolicy": "Never",
        "dnsConfig": {"searches": [f"{home}.svc.cluster.local"]},
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }
    return pod
