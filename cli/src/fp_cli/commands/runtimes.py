"""fp deployments runtimes, scale, load, unload."""

from typing import TYPE_CHECKING

import typer

from fp_cli.output import State, record, rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_SCALE = ("model_name", "version", "min_replicas", "max_replicas", "target_percent", "settled")
_RUNTIME = ("version", "replica", "state", "shared", "memory_bytes", "reason", "message", "updated_at", "version_id")
_LOOK_SECONDS = 1.0
_MODEL = typer.Argument(help="Name of the model.")
_VERSION = typer.Argument(help="The version, which must be deployed.")


def add_to(app: typer.Typer) -> None:
    app.command("runtimes")(runtimes)
    app.command("scale")(scale)
    app.command("load")(load)
    app.command("unload")(unload)


def runtimes(context: typer.Context, model: str = _MODEL) -> None:
    """Show whether the processes of a model's deployed versions have them in memory, what that takes, and why not."""
    from forgepoint.pipeline.v1 import pipeline_pb2

    from fp_cli.messages import plain

    state: State = context.obj
    request = pipeline_pb2.ListVersionRuntimesRequest(model_name=model)
    found = _asked(state, lambda stub: stub.ListVersionRuntimes, request)
    rows(state, _RUNTIME, [plain(each) for each in found.runtimes])


def scale(
    context: typer.Context,
    model: str = _MODEL,
    version: str = _VERSION,
    replicas: int = typer.Option(..., min=1, max=64, help="How many always run; on a laptop all that run."),
    most: int = typer.Option(0, "--max", min=0, max=64, help="To how many a cluster goes by itself; default: no more."),
    target: int = typer.Option(
        0, min=0, max=100, help="Per cent of the processor time that each asks for; default: as it is."
    ),
    watch: bool = typer.Option(False, "--watch", help="Wait until what runs is what was asked for."),
    idempotency_key: str = typer.Option("", help="A repeat with the same key happens once."),
) -> None:
    """Change how many runtimes a deployed version has. Predictions go on meanwhile.

    The next deployment of the model takes the number of its pipeline again.
    """
    from forgepoint.pipeline.v1 import pipeline_pb2

    from fp_cli.client import idempotency_key as chosen
    from fp_cli.messages import plain

    state: State = context.obj
    request = pipeline_pb2.ScaleDeploymentRequest(
        model_name=model,
        version=version,
        min_replicas=replicas,
        max_replicas=most,
        target_percent=target,
        idempotency_key=chosen(idempotency_key),
    )
    found = _asked(state, lambda stub: stub.ScaleDeployment, request).scale
    if watch:
        found = _followed(state, model, version)
    record(state, plain(found), _SCALE)


def _followed(state: State, model: str, version: str) -> "Any":
    """Raises NotFound when it is undeployed meanwhile."""
    import time

    from forgepoint.pipeline.v1 import pipeline_pb2
    from fp_kernel import NotFound

    request = pipeline_pb2.ListVersionRuntimesRequest(model_name=model)
    while True:
        scales = _asked(state, lambda stub: stub.ListVersionRuntimes, request).scales
        found = next((each for each in scales if each.version == version), None)
        if found is None:
            raise NotFound(f"version {version} of {model} is not deployed any more")
        if found.settled:
            return found
        time.sleep(_LOOK_SECONDS)


def load(context: typer.Context, model: str = _MODEL, version: str = _VERSION) -> None:
    """Load a version that was unloaded, or whose load has failed, in the process that the team shares."""
    from forgepoint.pipeline.v1 import pipeline_pb2

    from fp_cli.messages import plain

    state: State = context.obj
    request = pipeline_pb2.LoadVersionRequest(model_name=model, version=version)
    record(state, plain(_asked(state, lambda stub: stub.LoadVersion, request).runtime), _RUNTIME)


def unload(
    context: typer.Context,
    model: str = _MODEL,
    version: str = _VERSION,
    reason: str = typer.Option("", help="Why; its status says it."),
) -> None:
    """Take a version out of the memory of the process that the team shares; asked it is refused until it is loaded."""
    from forgepoint.pipeline.v1 import pipeline_pb2

    from fp_cli.messages import plain

    state: State = context.obj
    request = pipeline_pb2.UnloadVersionRequest(model_name=model, version=version, reason=reason)
    record(state, plain(_asked(state, lambda stub: stub.UnloadVersion, request).runtime), _RUNTIME)


def _asked(state: State, method: "Callable[[Any], Any]", request: "Any") -> "Any":
    from forgepoint.pipeline.v1 import pipeline_pb2_grpc

    from fp_cli.client import connect

    with connect(state) as client:
        return client.call(method(pipeline_pb2_grpc.PipelineOrchestratorServiceStub(client.channel)), request)
