"""fp deployments runtimes, load, unload."""

from typing import TYPE_CHECKING

import typer

from fp_cli.output import State, record, rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_RUNTIME = ("version", "state", "shared", "memory_bytes", "reason", "message", "updated_at", "version_id")
_MODEL = typer.Argument(help="Name of the model.")
_VERSION = typer.Argument(help="The version, which must be deployed.")


def add_to(app: typer.Typer) -> None:
    app.command("runtimes")(runtimes)
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
