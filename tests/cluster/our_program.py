"""Pods of the chart with a Python file of the contract's in place of the platform's program."""

from pathlib import Path

import bases

PROGRAMS = Path(__file__).resolve().parents[2] / "services" / "pipeline" / "tests" / "programs"


def programs(namespace):
    data = {file.name: file.read_text() for file in PROGRAMS.glob("*.py")}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "programs", "namespace": namespace},
        "data": data,
    }


def with_program(workload):
    """The same workload."""
    spec = workload.pod["spec"]
    ours = spec["containers"][0]
    ours |= {"image": bases.BASE, "imagePullPolicy": "Never"}
    ours["env"] = [*ours.get("env", ()), {"name": "PYTHONPATH", "value": "/programs"}]
    ours["volumeMounts"].append({"name": "programs", "mountPath": "/programs"})
    ours["resources"] = {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}}
    spec["volumes"].append({"name": "programs", "configMap": {"name": "programs"}})
    if ours["name"] != "job":
        ours["command"] = ["python3", "-m", "contract_runtime"]
        spec["terminationGracePeriodSeconds"] = 1
    return workload
