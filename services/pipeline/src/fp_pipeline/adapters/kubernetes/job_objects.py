"""A job as objects: the Job, and the secret that holds its environment."""

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from lightkube.resources.batch_v1 import Job
from lightkube.resources.core_v1 import Secret

from fp_pipeline.adapters.kubernetes import names
from fp_pipeline.adapters.kubernetes.workloads import Workload
from fp_pipeline.app.peers import JobSpec

if TYPE_CHECKING:
    from lightkube.models.meta_v1 import ObjectMeta

MODULE = f"{names.PREFIX}module"
STOPPED = f"{names.PREFIX}stopped"
"""Annotation of a job that was ended before its end."""


def manifest(name: str, spec: JobSpec, workload: Workload) -> dict[str, Any]:
    """Suspended: its pod needs the secret, which needs the id of the job that it goes with."""
    own, labels = names.job(name), names.job_labels(spec)
    pod = workload.made(spec.team, spec.machine, labels, {})
    pod["spec"]["restartPolicy"] = "Never"
    ours = pod["spec"]["containers"][0]
    ours["command"] = ["python3", "-m", spec.module]
    # URLs that may be written to and a token are in it: whoever may read jobs need not have them.
    ours["envFrom"] = [{"secretRef": {"name": own}}]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": own, "labels": labels, "annotations": {names.NAME: name, MODULE: spec.module}},
        "spec": {
            "suspend": True,
            "completions": 1,
            "parallelism": 1,
            # An attempt is the pipeline's to repeat, under another name.
            "backoffLimit": 0,
            "podReplacementPolicy": "Failed",
            "activeDeadlineSeconds": max(1, round(spec.deadline)),
            "ttlSecondsAfterFinished": workload.keep_seconds,
            "template": pod,
        },
    }


def secret(job: Job, environment: Mapping[str, str]) -> dict[str, Any]:
    """Gone with its job."""
    of = cast("ObjectMeta", job.metadata)
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": of.name, "uid": of.uid, "controller": True}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": of.name, "labels": of.labels, "ownerReferences": [owner]},
        "type": "Opaque",
        "data": {name: base64.b64encode(value.encode()).decode() for name, value in environment.items()},
    }


def environment(found: Secret | None) -> dict[str, str]:
    data = found.data if found is not None else None
    return {name: base64.b64decode(value).decode() for name, value in (data or {}).items()}
