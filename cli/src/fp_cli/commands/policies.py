"""fp routes rules, rule, drop-rule, shadow, report: what goes beside the split."""

from collections.abc import Callable
from typing import Any

import typer

from fp_cli.output import State, document, record, rows

_MODEL = typer.Argument(help="Name of the model.")
_RULE = typer.Argument(metavar="RULE", help="Name of the rule, which is that of its experiment.")
_COLUMNS = ("name", "when", "split")
_ARM = ("rule", "version", "answered", "failed", "mean_ms")
_SHADOW = (
    "version",
    "answered",
    "failed",
    "dropped",
    "labels",
    "labels_agreed",
    "numbers",
    "mean_absolute_difference",
    "unlike",
)
_TARGET = ("version", "share", "shadow")


def add_to(app: typer.Typer) -> None:
    app.command("rules")(list_rules)
    app.command("rule")(set_rule)
    app.command("drop-rule")(drop_rule)
    app.command("shadow")(shadow)
    app.command("report")(report)


def list_rules(context: typer.Context, model: str = _MODEL) -> None:
    """Show the rules that send some requests to versions of their own, in their order."""
    from fp_cli.client import connect

    state: State = context.obj
    with connect(state) as client:
        _show(state, _route(client, model))


def set_rule(
    context: typer.Context,
    model: str = _MODEL,
    name: str = _RULE,
    given: list[str] = typer.Argument(metavar="VERSION=PERCENT...", help="Such as 2=100, or 1=50 2=50."),
    when: list[str] = typer.Option(help="NAME=VALUE, NAME=A|B or NAME^=PREFIX; several have to hold together."),
    first: bool = typer.Option(False, "--first", help="Before all others; otherwise where it is, else at the end."),
) -> None:
    """Send requests with certain attributes to versions of their own."""
    from forgepoint.inference.v1 import inference_pb2
    from google.protobuf import json_format

    from fp_cli import rules, shares

    weights = [{"version": version, "weight_bps": weight} for version, weight in shares.weights(given).items()]
    made: dict[str, Any] = {"name": name, "matches": rules.matches(when), "weights": weights}

    def change(present: list[Any]) -> list[Any]:
        rule = json_format.ParseDict(made, inference_pb2.RoutingRule())
        others = [each for each in present if each.name != name]
        at = next((index for index, each in enumerate(present) if each.name == name), len(others))
        others.insert(0 if first else at, rule)
        return others

    _change(context.obj, model, change)


def drop_rule(context: typer.Context, model: str = _MODEL, name: str = _RULE) -> None:
    """Remove a rule: its requests go by the next one that they meet, else by the split."""
    from fp_kernel import NotFound

    def change(present: list[Any]) -> list[Any]:
        left = [each for each in present if each.name != name]
        if len(left) == len(present):
            raise NotFound(f"{model} has no rule {name!r}")
        return left

    _change(context.obj, model, change)


def shadow(
    context: typer.Context,
    model: str = _MODEL,
    version: str = typer.Argument("", help="The version that gets copies; none with --off."),
    share: str = typer.Option("100", help="Percent of the answered requests."),
    off: bool = typer.Option(False, "--off", help="End the shadow."),
) -> None:
    """Copy answered requests to a version whose answers are compared and thrown away."""
    from forgepoint.inference.v1 import inference_pb2, inference_pb2_grpc
    from fp_kernel import invalid

    from fp_cli import client as clients
    from fp_cli import shares
    from fp_cli.messages import plain

    if off == bool(version):
        raise invalid("version", "say the version that gets copies, or --off")
    state: State = context.obj
    request = inference_pb2.SetShadowRequest(model_name=model, idempotency_key=clients.idempotency_key(""))
    if version:
        request.shadow.version, request.shadow.share_bps = version, shares.points(share)
    with clients.connect(state) as client:
        stub = inference_pb2_grpc.InferenceGatewayServiceStub(client.channel)
        route = plain(client.call(stub.SetShadow, request).route)
    if state.structured:
        document(state, route)
    else:
        copied = {route["shadow"]["version"]: shares.percent(route["shadow"]["share_bps"])} if version else {}
        targets = [
            {**each, "share": shares.percent(each["weight_bps"]), "shadow": copied.get(each["version"], "")}
            for each in route["targets"]
        ]
        rows(state, _TARGET, targets)


def report(context: typer.Context, model: str = _MODEL) -> None:
    """Show what came of each arm of the rules, and how far the shadow agrees with what was served."""
    from forgepoint.inference.v1 import inference_pb2, inference_pb2_grpc

    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = inference_pb2_grpc.InferenceGatewayServiceStub(client.channel)
        found = plain(client.call(stub.GetRouteReport, inference_pb2.GetRouteReportRequest(model_name=model)))
    if state.structured:
        document(state, found)
        return
    rows(state, _ARM, found["arms"])
    if found.get("shadow"):
        typer.echo()
        record(state, found["shadow"], _SHADOW)


def _change(state: State, model: str, change: Callable[[list[Any]], list[Any]]) -> None:
    from forgepoint.inference.v1 import inference_pb2, inference_pb2_grpc

    from fp_cli import client as clients

    with clients.connect(state) as client:
        stub = inference_pb2_grpc.InferenceGatewayServiceStub(client.channel)
        route = _route(client, model)
        request = inference_pb2.SetRoutingRulesRequest(
            model_name=model,
            rules=change(list(route.rules)),
            idempotency_key=clients.idempotency_key(""),
            expected_revision=route.revision,
        )
        _show(state, client.call(stub.SetRoutingRules, request).route)


def _route(client: Any, model: str) -> Any:
    from forgepoint.inference.v1 import inference_pb2, inference_pb2_grpc

    stub = inference_pb2_grpc.InferenceGatewayServiceStub(client.channel)
    return client.call(stub.GetRoute, inference_pb2.GetRouteRequest(model_name=model)).route


def _show(state: State, route: Any) -> None:
    from fp_cli import rules, shares
    from fp_cli.messages import plain

    found = plain(route)["rules"]
    if not state.structured:
        found = [
            {
                "name": rule["name"],
                "when": rules.said(rule),
                "split": " ".join(
                    f"{each['version']}={shares.percent(each['weight_bps'])}" for each in rule["weights"]
                ),
            }
            for rule in found
        ]
    rows(state, _COLUMNS, found)
