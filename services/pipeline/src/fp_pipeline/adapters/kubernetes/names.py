"""Names and labels of our objects; decision 14 of the platform's: they are for ever."""

import hashlib
import re
from collections.abc import Mapping
from typing import Final

from fp_pipeline.adapters.kubernetes.cluster import MANAGER
from fp_pipeline.app.peers import JobSpec, RuntimeSpec

PREFIX: Final = "forgepoint.io/"
NAME: Final = f"{PREFIX}name"
"""Annotation: the name by which the pipeline knows the runtime or job."""
WORKLOAD: Final = f"{PREFIX}workload"
"""Annotation of a Deployment: the digest of the chart's file that its pods were made of."""
MANAGED: Final[Mapping[str, str]] = {"app.kubernetes.io/managed-by": MANAGER}

_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_DIGITS = 18


def digest(text: str, length: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def label(text: str) -> str:
    """The text where it can be a label, else what can be read of it and its hash."""
    if not text or _LABEL.fullmatch(text):
        return text
    readable = re.sub(r"[^A-Za-z0-9._-]+", "-", text)[:40].strip("._-")
    return f"{readable}-{digest(text, 10)}".lstrip("-")


def runtime(spec: RuntimeSpec) -> str:
    """Of a version's Deployment, Service and autoscaler."""
    return f"m-{digest(f'{spec.team}/{spec.model_name}', 10)}-v{_fit(spec.version)}"


def runtime_labels(spec: RuntimeSpec) -> dict[str, str]:
    return {
        **MANAGED,
        f"{PREFIX}team": label(spec.team),
        f"{PREFIX}model": label(spec.model_name),
        f"{PREFIX}version": label(spec.version),
    }


def known_as(name: str) -> dict[str, str]:
    """The label by which the runtime of a name is found: the name itself may be longer than a label."""
    return {f"{PREFIX}runtime": digest(name, 32)}


def job(name: str) -> str:
    """Of a job and of the secret with its environment; a pod's name adds some to it."""
    return f"j-{digest(name, 32)}"


def job_labels(spec: JobSpec) -> dict[str, str]:
    return {
        **MANAGED,
        f"{PREFIX}team": label(spec.team),
        f"{PREFIX}execution": label(spec.execution_id),
        f"{PREFIX}step": label(spec.step_id),
    }


def _fit(version: str) -> str:
    """Versions are numbers; another one is told apart by its hash."""
    return version if version.isdecimal() and len(version) <= _DIGITS else digest(version, 10)
