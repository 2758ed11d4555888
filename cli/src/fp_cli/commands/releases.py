"""fp models history, rollback, download, archive."""

from pathlib import Path
from typing import Any

import typer

from fp_cli.output import State, done, record, rows, say

_TENURE = ("version", "started_at", "ended_at", "promoted_by", "version_id")
_NAME = typer.Argument(help="Name or id of the model.")


def add_to(app: typer.Typer) -> None:
    app.command("history")(history)
    app.command("rollback")(rollback)
    app.command("download")(download)
    app.command("archive")(archive)
    app.command("restore")(restore)


def history(
    context: typer.Context,
    name: str = _NAME,
    at: str = typer.Option("", help="Only which was in production at this time, such as 2026-03-01T12:00:00Z."),
    limit: int = typer.Option(100, min=1),
) -> None:
    """Show which version was in production from when until when, newest first."""
    from forgepoint.registry.v1 import registry_pb2, registry_pb2_grpc

    from fp_cli import moments, names
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    moment = moments.stamp(at, "at")
    with connect(state) as client:
        stub = registry_pb2_grpc.RegistryServiceStub(client.channel)
        request = registry_pb2.GetProductionHistoryRequest(model_id=names.model(client, name).id, at=moment)
        found = client.pages(stub.GetProductionHistory, request, "tenures", limit)
        rows(state, _TENURE, [plain(tenure) for tenure in found])


def rollback(
    context: typer.Context,
    name: str = _NAME,
    reason: str = typer.Option("", help="Why; kept with the promotion."),
    stage: bool = typer.Option(False, "--stage", help="Only the stage, and no traffic."),
    idempotency_key: str = typer.Option("", help="A repeat with the same key happens once."),
) -> None:
    """Take the newest promotion back: traffic to the version before, while it is warm, and then its stage.

    Of a model that no pipeline has promoted over another version, the stage alone moves, as with --stage.
    """
    from fp_kernel import NotFound

    from fp_cli import client as clients
    from fp_cli import names

    state: State = context.obj
    with clients.connect(state) as client:
        model = names.model(client, name)
        key = clients.idempotency_key(idempotency_key)
        if not stage:
            try:
                _roll_back_promotion(state, client, model.name, reason, key)
            except NotFound:
                say(state, f"no pipeline has promoted a version of {model.name} over another one: no traffic moves")
            else:
                return
        _roll_back_stage(state, client, model, key)


def _roll_back_promotion(state: State, client: Any, model: str, reason: str, key: str) -> None:
    from forgepoint.pipeline.v1 import pipeline_pb2, pipeline_pb2_grpc

    from fp_cli import shares
    from fp_cli.messages import plain

    stub = pipeline_pb2_grpc.PipelineOrchestratorServiceStub(client.channel)
    request = pipeline_pb2.RollbackPromotionRequest(model_name=model, reason=reason, idempotency_key=key)
    promotion = plain(client.call(stub.RollbackPromotion, request).promotion)
    record(state, promotion, ("model_name", "version", "state", "reason", "promoted_at"))
    split = " ".join(f"{each['version']}={shares.percent(each['weight_bps'])}" for each in promotion["goes_back_to"])
    if promotion["state"] == "ROLLED_BACK":
        say(state, f"traffic is back at {split}; version {promotion['version']} is archived and its runtime ends")
    else:
        say(state, f"decided: traffic goes back to {split} as soon as whoever is away answers: fp routes get {model}")


def _roll_back_stage(state: State, client: Any, model: Any, key: str) -> None:
    from forgepoint.registry.v1 import registry_pb2, registry_pb2_grpc

    from fp_cli.messages import plain

    stub = registry_pb2_grpc.RegistryServiceStub(client.channel)
    response = client.call(
        stub.RollbackModel, registry_pb2.RollbackModelRequest(model_id=model.id, idempotency_key=key)
    )
    record(state, plain(response.version), ("id", "version", "stage"))
    version = response.version.version
    say(state, f"version {response.demoted_version.version} is archived now")
    say(state, f"deploy it: fp pipelines trigger deploy-model --input model={model.name} --input version={version}")


def download(
    context: typer.Context,
    name: str = _NAME,
    version: str = typer.Argument(help="The version."),
    file: Path | None = typer.Option(None, "--out", help="Default: MODEL-VERSION.onnx."),
) -> None:
    """Fetch the artifact of a version and check its digest."""
    from fp_cli import artifacts, names
    from fp_cli.client import connect

    state: State = context.obj
    target = file or Path(f"{name}-{version}.onnx")
    with connect(state) as client:
        size, digest = artifacts.fetch(client, names.version(client, name, version).id, target)
    done(state, f"{target}: {size} bytes, {digest}", file=str(target), size_bytes=size, digest=digest)


def archive(
    context: typer.Context,
    name: str = _NAME,
    force: bool = typer.Option(False, "--force", help="Also when a version of it is in PRODUCTION."),
) -> None:
    """Archive a model and undeploy it; its name stays taken."""
    from forgepoint.registry.v1 import registry_pb2, registry_pb2_grpc

    from fp_cli import client as clients
    from fp_cli import names

    state: State = context.obj
    with clients.connect(state) as client:
        stub = registry_pb2_grpc.RegistryServiceStub(client.channel)
        model = names.model(client, name)
        request = registry_pb2.DeleteModelRequest(id=model.id, force=force, idempotency_key=clients.idempotency_key(""))
        client.call(stub.DeleteModel, request)
    done(state, f"{model.name} is archived; `fp models restore {model.name}` takes it back", id=model.id, archived=True)


def restore(context: typer.Context, name: str = _NAME) -> None:
    """Take an archived model back into use; nothing of it is deployed by that."""
    from forgepoint.registry.v1 import registry_pb2, registry_pb2_grpc

    from fp_cli import client as clients
    from fp_cli import names

    state: State = context.obj
    with clients.connect(state) as client:
        stub = registry_pb2_grpc.RegistryServiceStub(client.channel)
        model = names.model(client, name)
        request = registry_pb2.RestoreModelRequest(id=model.id, idempotency_key=clients.idempotency_key(""))
        client.call(stub.RestoreModel, request)
    done(state, f"{model.name} is back", id=model.id, archived=False)
