"""What is left at the end, read back through the public API."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from forgepoint.inference.v1 import inference_pb2
from forgepoint.monitor.v1 import monitor_pb2
from forgepoint.registry.v1 import registry_pb2 as pb
from fp_jobs.patience import patiently

from fp_flights.pipelines import MODEL
from fp_flights.story import plan, watch
from fp_flights.story.narrator import Narrator
from fp_flights.story.session import Session

_MICROS = 1e6
_PAGE = 100


@dataclass(frozen=True, slots=True)
class Standing:
    """versions: of the model, oldest first. production: the one in PRODUCTION."""

    versions: tuple[str, ...]
    production: str


async def read_back(session: Session, narrator: Narrator, models: tuple[str, ...]) -> Standing:
    rows: list[tuple[Any, ...]] = []
    standing = Standing((), "")
    for name in models:
        ordered, shares = await _of(session, name)
        rows += [_row(name, version, shares) for version in ordered]
        if name == MODEL:
            production = next((v.version for v in ordered if v.stage == pb.MODEL_STAGE_PRODUCTION), "")
            standing = Standing(tuple(version.version for version in ordered), production)
    columns = ("MODEL", "VERSION", "STAGE", "STATUS", "TRAFFIC", "AUC", "DIGEST")
    narrator.table("What the platform says now", columns, rows)
    return standing


def say_reports(narrator: Narrator, found: list[Any]) -> None:
    """found: reports, newest first."""
    counted: Counter[tuple[str, str, str]] = Counter()
    for report in found:
        severity = monitor_pb2.DriftSeverity.Name(report.severity).removeprefix("DRIFT_SEVERITY_")
        counted[report.model_version, watch.kind(report), severity] += 1
    rows = [(*key, number) for key, number in sorted(counted.items())]
    narrator.table("Windows that the monitor judged", ("VERSION", "WHAT", "SEVERITY", "WINDOWS"), rows)


def say_usage(narrator: Narrator, usage: Any) -> None:
    rows = [
        (
            meter.removeprefix("METER_TYPE_").lower(),
            used.total_quantity,
            f"{used.total_cost.amount_micros / _MICROS:.4f}",
        )
        for summary in usage.summaries
        for meter, used in sorted(summary.by_meter.items())
    ]
    rows.append(("total", "", f"{usage.grand_total.amount_micros / _MICROS:.4f} {usage.grand_total.currency_code}"))
    narrator.table(f"Usage of the team, plan {plan.NAME}", ("METER", "QUANTITY", "COST"), rows)


async def _of(session: Session, name: str) -> tuple[list[Any], dict[str, int]]:
    """Versions, oldest first, and their shares of the traffic."""
    model = (await patiently(lambda: session.registry.GetModel(pb.GetModelRequest(name=name)))).model
    request = pb.ListVersionsRequest(model_id=model.id)
    request.pagination.page_size = _PAGE
    versions = (await patiently(lambda: session.registry.ListVersions(request))).versions
    asked = inference_pb2.GetRouteRequest(model_name=name)
    route = (await patiently(lambda: session.inference.GetRoute(asked))).route
    return sorted(versions, key=lambda each: str(each.id)), {each.version: each.weight_bps for each in route.targets}


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
