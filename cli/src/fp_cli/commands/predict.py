"""fp predict."""

import json
from pathlib import Path
from typing import Any

import typer

from fp_cli.output import State, document, record, streamed


def add_to(app: typer.Typer) -> None:
    app.command("predict")(predict)


def predict(
    context: typer.Context,
    model: str,
    value: list[str] = typer.Option([], "--input", help="tensor=JSON, such as features=[[1,2,3]]; several times."),
    file: Path | None = typer.Option(None, help='JSON {"tensor": [[...]]}; - reads standard input.', allow_dash=True),
    lines: Path | None = typer.Option(
        None,
        help="JSON Lines, as --file has it in each; answered as they come. - reads standard input.",
        allow_dash=True,
    ),
    version: str = typer.Option("", help="Ask for one version, whatever the split says."),
    sticky_key: str = typer.Option("", help="Same key, same version."),
    attribute: list[str] = typer.Option([], help="NAME=VALUE that rules of the route may ask for; several times."),
    idempotency_key: str = typer.Option("", help="A repeat with the same key counts once."),
) -> None:
    """Ask a served model for a prediction, or for one a line: each answer then is a line of JSON."""
    from fp_kernel import invalid

    from fp_cli import pairs, tensors

    state: State = context.obj
    asked = {
        "model_name": model,
        "version_override": version,
        "sticky_key": sticky_key,
        "attributes": pairs.texts(attribute, "attribute"),
        "idempotency_key": idempotency_key,
    }
    if lines is None:
        _ask(state, asked, tensors.read(value, file))
    elif value or file is not None:
        raise invalid("lines", "is not given together with --input or --file")
    else:
        _ask_each(state, asked, lines)


def _ask(state: State, asked: dict[str, Any], arrays: dict[str, Any]) -> None:
    from forgepoint.inference.v1 import inference_pb2, inference_pb2_grpc

    from fp_cli import tensors
    from fp_cli.client import connect

    with connect(state) as client:
        stub = inference_pb2_grpc.InferenceGatewayServiceStub(client.channel)
        wanted = inference_pb2.GetModelInfoRequest(model_name=asked["model_name"])
        info = client.call(stub.GetModelInfo, wanted).model_info
        request = inference_pb2.PredictRequest(inputs=tensors.encode(arrays, info.inputs), **asked)
        response = client.call(stub.Predict, request)
    outputs: dict[str, Any] = {name: tensors.decode(tensor) for name, tensor in response.outputs.items()}
    facts = {"served_version": response.served_version, "request_id": response.request_id}
    if state.structured:
        document(state, {"outputs": outputs, **facts, "latency_ms": response.latency.ToMicroseconds() / 1_000})
    else:
        record(state, {name: json.dumps(_rounded(output)) for name, output in outputs.items()} | facts)


def _ask_each(state: State, asked: dict[str, Any], file: Path) -> None:
    """Raises Unavailable behind the last answer when some lines have none: their errors stand in their places."""
    from forgepoint.inference.v1 import inference_pb2
    from fp_kernel import Unavailable

    from fp_cli import prediction_lines
    from fp_cli.client import connect

    failed = 0
    with connect(state) as client:
        for answer in prediction_lines.answers(client, inference_pb2.StreamPredictRequest(**asked), file):
            failed += "error" in answer
            streamed(state, answer)
    if failed:
        raise Unavailable(f"{failed} lines have no answer; each says why")


def _rounded(value: Any) -> Any:
    """Six digits are what a float32 holds."""
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value
