"""The version in production, as a job finds it."""

from dataclasses import dataclass
from typing import Any

from forgepoint.registry.v1 import registry_pb2 as pb
from fp_jobs import job
from fp_jobs.patience import patiently
from fp_kernel import NotFound


@dataclass(frozen=True, slots=True)
class Incumbent:
    version: str
    artifact: bytes


async def fetch(registry: Any, model: str) -> Incumbent | None:
    """What serves the model now; None when nothing does. registry: a stub of the registry."""
    try:
        found = await patiently(lambda: registry.GetModel(pb.GetModelRequest(name=model)))
        asked = pb.GetVersionRequest(model_id=found.model.id, stage=pb.MODEL_STAGE_PRODUCTION)
        version = (await patiently(lambda: registry.GetVersion(asked))).version
    except NotFound:
        return None
    url = await patiently(lambda: registry.GetDownloadURL(pb.GetDownloadURLRequest(version_id=version.id)))
    return Incumbent(version.version, job.download(url.download_url))
