"""fp routes, fp circuits, fp deployments: what serves, and how its traffic is divided."""

from collections.abc import Mapping
from typing import Any

import typer

from fp_cli.commands import policies, runtimes
from fp_cli.output import State, done, record, rows

app = typer.Typer(help="Routes: how the traffic of a model is divided between its versions.", no_args_is_help=True)
circuits = typer.Typer(help="Breakers: which versions are left alone because they fail.", no_args_is_help=True)
deployments = typer.Typer(help="Deployments: which versions run and may have traffic.", no_args_is_help=True)
policies.add_to(app)
runtimes.add_to(deployments)
_ROUTE = ("model_name", "split", "updated_at")
_TARGET = ("version", "share", "status", "endpoint")
_CIRCUIT = (
    "model_name",
    "version",
    "state",
    "consecutive_failures",
    "last_transition_at",
    "replicas",
    "replicas_left_out",
)
_DEPLOYMENT = ("model_name", "version", "share", "status", "circuit", "replicas", "replicas_left_out", "endpoint")
_STATISTICS = ("version", "requests", "errors", "error_rate", "p50_ms", "p99_ms")
_PROMOTION = ("model_name", "version", "state", "promoted_at", "warm_until", "reason")
_MODEL = typer.Argument(help="Name of the model.")
_ONE_MODEL = typer.Option("", "--model", help="Only of this one.")
_CLOSED = "CLOSED"


@app.command("list")
def list_routes(context: typer.Context, limit: int = typer.Option(100, min=1)) -> None:
    """List the models that are served, with their split."""
    from forgepoint.inference.v1 import inference_pb2, inference_pb2_grpc

    from fp_cli import shares
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = inference_pb2_grpc.InferenceGatewayServiceStub(client.channel)
        found = client.pages(stub.ListRoutes, inference_pb2.ListRoutesRequest(), "routes", limit)
        items = [plain(route) for route in found]
    if not state.structured:
        for item in items:
            item["split"] = {each["version"]: shares.percent(each["weight_bps"]) for each in item["targets"]}
    rows(state, _ROUTE, items)


@app.command("get")
def get_route(context: typer.Context, model: str = _MODEL) -> None:
    """Show the versions of a model that run, and their shares."""
    from forgepoint.inference.v1 import inference_pb2, inference_pb2_grpc

    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = inference_pb2_grpc.InferenceGatewayServiceStub(client.channel)
        route = plain(client.call(stub.GetRoute, inference_pb2.GetRouteRequest(model_name=model)).route)
    _show(state, route)


@app.command("split")
def split(
    context: typer.Context,
    model: str = _MODEL,
    given: list[str] = typer.Argument(metavar="VERSION=PERCENT...", help="Such as 1=90 2=10; the sum is 100."),
    salt: str = typer.Option("", help="Name of the experiment: another one deals the sticky keys out anew."),
    idempotency_key: str = typer.Option("", help="A repeat with the same key happens once."),
) -> None:
    """Divide the traffic of a model; a version that is not named gets none."""
    from forgepoint.inference.v1 import inference_pb2, inference_pb2_grpc

    from fp_cli import client as clients
    from fp_cli import shares
    from fp_cli.messages import plain

    state: State = context.obj
    request = inference_pb2.SetTrafficSplitRequest(
        model_name=model, salt=salt, idempotency_key=clients.idempotency_key(idempotency_key)
    )
    for version, weight in shares.weights(given).items():
        request.weights.add(version=version, weight_bps=weight)
    with clients.connect(state) as client:
        stub = inference_pb2_grpc.InferenceGatewayServiceStub(client.channel)
        route = plain(client.call(stub.SetTrafficSplit, request).route)
    _show(state, route)


@app.command("delete")
def delete_route(
    context: typer.Context,
    model: str = _MODEL,
    yes: bool = typer.Option(False, "--yes", help="Do not ask."),
) -> None:
    """Remove a route: the model answers no more, its versions run on."""
    from forgepoint.inference.v1 import inference_pb2, inference_pb2_grpc

    from fp_cli import client as clients

    if not yes:
        typer.confirm(f"Take all traffic from {model}?", abort=True)
    state: State = context.obj
    with clients.connect(state) as client:
        stub = inference_pb2_grpc.InferenceGatewayServiceStub(client.channel)
        request = inference_pb2.DeleteRouteRequest(model_name=model, idempotency_key=clients.idempotency_key(""))
        client.call(stub.DeleteRoute, request)
    done(state, f"{model} has no route", model_name=model, deleted=True)


@circuits.command("list")
def list_circuits(context: typer.Context, model: str = _ONE_MODEL, limit: int = typer.Option(100, min=1)) -> None:
    """List the breakers of the team's versions, as the worst replica sees them."""
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        rows(state, _CIRCUIT, [plain(each) for each in _circuits(client, model, limit)])


@circuits.command("get")
def get_circuit(
    context: typer.Context, model: str = _MODEL, version: str = typer.Argument(help="The version.")
) -> None:
    """Show the breaker of one version."""
    from forgepoint.inference.v1 import inference_pb2, inference_pb2_grpc

    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = inference_pb2_grpc.InferenceGatewayServiceStub(client.channel)
        request = inference_pb2.GetCircuitStateRequest(model_name=model, version=version)
        record(state, plain(client.call(stub.GetCircuitState, request).circuit_state), _CIRCUIT)


def _standing(circuit: Mapping[str, Any]) -> dict[str, Any]:
    """What a circuit says of its version; an inference of before tells no replicas."""
    return {
        "circuit": circuit.get("state", _CLOSED),
        "replicas": circuit.get("replicas") or 1,
        "replicas_left_out": circuit.get("replicas_left_out", 0),
    }


@deployments.command("list")
def list_deployments(context: typer.Context, model: str = _ONE_MODEL, limit: int = typer.Option(100, min=1)) -> None:
    """List the versions that run, with their share of the traffic and their breaker."""
    from forgepoint.inference.v1 import inference_pb2, inference_pb2_grpc

    from fp_cli import shares
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = inference_pb2_grpc.InferenceGatewayServiceStub(client.channel)
        if model:
            routes = [client.call(stub.GetRoute, inference_pb2.GetRouteRequest(model_name=model)).route]
        else:
            routes = list(client.pages(stub.ListRoutes, inference_pb2.ListRoutesRequest(), "routes", limit))
        known = [plain(each) for each in _circuits(client, model, limit)]
    breakers = {(each["model_name"], each["version"]): each for each in known}
    items = [
        {
            "model_name": route.model_name,
            **plain(target),
            **_standing(breakers.get((route.model_name, target.version), {})),
        }
        for route in routes
        for target in route.targets
    ]
    if not state.structured:
        items = [{**item, "share": shares.percent(item["weight_bps"])} for item in items]
    rows(state, _DEPLOYMENT, items[:limit])


@app.command("statistics")
def statistics(
    context: typer.Context,
    model: str = _MODEL,
    minutes: int = typer.Option(60, "--minutes", min=1, max=2_880, help="Of the time that has just passed."),
) -> None:
    """Show how each version of a model did: requests, failures, latency."""
    from datetime import timedelta

    from forgepoint.pipeline.v1 import pipeline_pb2, pipeline_pb2_grpc

    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    request = pipeline_pb2.GetVersionStatisticsRequest(model_name=model)
    request.last.FromTimedelta(timedelta(minutes=minutes))
    with connect(state) as client:
        stub = pipeline_pb2_grpc.PipelineOrchestratorServiceStub(client.channel)
        found = client.call(stub.GetVersionStatistics, request).versions
        rows(state, _STATISTICS, [plain(each) for each in found])


@deployments.command("promotion")
def promotion(context: typer.Context, model: str = _MODEL) -> None:
    """Show the newest promotion of a model, and until when `fp models rollback` takes it back."""
    from forgepoint.pipeline.v1 import pipeline_pb2, pipeline_pb2_grpc

    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = pipeline_pb2_grpc.PipelineOrchestratorServiceStub(client.channel)
        found = client.call(stub.GetPromotion, pipeline_pb2.GetPromotionRequest(model_name=model)).promotion
        record(state, plain(found), _PROMOTION)


def _circuits(client: Any, model: str, limit: int) -> list[Any]:
    from forgepoint.inference.v1 import inference_pb2, inference_pb2_grpc

    stub = inference_pb2_grpc.InferenceGatewayServiceStub(client.channel)
    request = inference_pb2.ListCircuitStatesRequest(model_name_filter=model)
    return list(client.pages(stub.ListCircuitStates, request, "circuit_states", limit))


def _show(state: State, route: dict[str, Any]) -> None:
    from fp_cli import shares
    from fp_cli.output import document

    if state.structured:
        document(state, route)
    else:
        targets = [{**each, "share": shares.percent(each["weight_bps"])} for each in route["targets"]]
        rows(state, _TARGET, targets)
