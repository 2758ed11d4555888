"""What is left at the end, read back through the public API."""

from dataclasses import dataclass
from typing import Any

from forgepoint.inference.v1 import inference_pb2
from forgepoint.registry.v1 import registry_pb2 as pb

from fp_flights.pipelines import MODEL
from fp_flights.story.narrator import Narrator
from fp_flights.story.session import Session


@dataclass(frozen=True, slots=True)
class Standing:
    """versions: of the model, oldest first. production: the one in PRODUCTION."""

    versions: tuple[str, ...]
    production: str


async def read_back(session: Session, narrator: Narrator, models: tuple[str, ...]) -> Standing:
    rows: list[tuple[Any, ...]] = []
    standing = Standing((), "")
    for name in models:
        model = (await session.registry.GetModel(pb.GetModelRequest(name=name))).model
        versions = (await session.registry.ListVersions(pb.ListVersionsRequest(model_id=model.id))).versions
        route = (await session.inference.GetRoute(inference_pb2.GetRouteRequest(model_name=name))).route
        shares = {target.version: target.weight_bps for target in route.targets}
        ordered = sorted(versions, key=lambda version: version.id)
        rows += [_row(name, version, shares) for version in ordered]
        if name == MODEL:
            production = next((v.version for v in ordered if v.stage == pb.MODEL_STAGE_PRODUCTION), "")
            standing = Standing(tuple(version.version for version in ordered), production)
    columns = ("MODEL", "VERSION", "STAGE", "STATUS", "TRAFFIC", "AUC", "DIGEST")
    narrator.table("What the platform says now", columns, rows)
    return standing


def _row(name: str, version: Any, shares: dict[str, int]) -> tuple[Any, ...]:
    auc = version.metrics["auc"] if "auc" in version.metrics else None  # noqa: SIM401 -- a Struct has no get
    return (
        name,
        version.version,
        pb.ModelStage.Name(version.stage).removeprefix("MODEL_STAGE_"),
        pb.VersionStatus.Name(version.status).removeprefix("VERSION_STATUS_"),
        f"{shares.get(version.version, 0) / 100:g} %",
        f"{auc:.3f}" if auc is not None else "-",
        version.artifact_digest.removeprefix("sha256:")[:12],
    )
