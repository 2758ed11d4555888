"""What the chart says of the pods of runtimes and jobs, and a pod made of it.

The chart knows images, settings, security and volumes, since it renders those of every program; what is added here is
what differs between two versions or two jobs.
"""

import copy
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from fp_pipeline.domain.machine import Machine

_GPU = "nvidia.com/gpu"
_DIGITS = 32
Pod = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Workload:
    """A file of the chart.

    namespace: where they are. pod: the template, whose first container is ours to fill in. teams: what the pods of a
    team have in place of it, such as a service account and the priority class that its quota counts by. gpu: the
    resource that a node counts. keep_seconds: how long a job that has ended can be asked for.
    """

    namespace: str
    pod: Pod
    teams: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    gpu: str = _GPU
    keep_seconds: int = 3_600

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises ValueError for a file that is not one of the chart's."""
        content = json.loads(path.read_text(encoding="utf-8"))
        try:
            content["pod"]["spec"]["containers"][0]["name"]
            return cls(**content)
        except (KeyError, TypeError, IndexError) as error:
            raise ValueError(f"{path.name} does not say what a pod is: {error}") from None

    @property
    def digest(self) -> str:
        """Of all that it says."""
        content = json.dumps([self.namespace, self.pod, dict(self.teams), self.gpu], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:_DIGITS]

    @property
    def container(self) -> str:
        return str(self.pod["spec"]["containers"][0]["name"])

    def made(self, team: str, machine: Machine, labels: Mapping[str, str], settings: Mapping[str, str]) -> Pod:
        """A template with all that a team, a machine and settings add."""
        pod = copy.deepcopy(self.pod)
        metadata = pod.setdefault("metadata", {})
        metadata["labels"] = {**metadata.get("labels", {}), **labels}
        spec = pod["spec"]
        spec.update(self.teams.get(team, {}))
        if machine.node_selector:
            spec["nodeSelector"] = {**spec.get("nodeSelector", {}), **machine.node_selector}
        ours = spec["containers"][0]
        if machine.image:
            ours["image"] = machine.image
        ours["resources"] = self._resources(ours.get("resources", {}), machine)
        for each in (ours, *spec.get("initContainers", ())):
            each["env"] = _with(each.get("env", ()), settings)
        return pod

    def _resources(self, usual: Mapping[str, Any], machine: Machine) -> dict[str, Any]:
        requests, limits = dict(usual.get("requests", {})), dict(usual.get("limits", {}))
        if machine.cpu:
            requests["cpu"] = machine.cpu
        if machine.memory:
            # Memory that is not reserved is taken from somebody else who needs it.
            requests["memory"] = limits["memory"] = machine.memory
        if machine.gpus:
            limits[self.gpu] = str(machine.gpus)
        return {"requests": requests, "limits": limits}


def _with(env: Iterable[Mapping[str, Any]], settings: Mapping[str, str]) -> list[dict[str, Any]]:
    kept = [dict(each) for each in env if each["name"] not in settings]
    return [*kept, *({"name": name, "value": value} for name, value in settings.items())]
