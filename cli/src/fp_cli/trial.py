"""A prediction from beginning to end: a tiny model is registered, deployed, asked, and taken away again."""

import base64
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from forgepoint.inference.v1 import inference_pb2, inference_pb2_grpc
from forgepoint.pipeline.v1 import pipeline_pb2, pipeline_pb2_grpc
from forgepoint.registry.v1 import registry_pb2, registry_pb2_grpc
from fp_kernel import Error, FailedPrecondition, NotFound

from fp_cli import definitions, names, tensors, upload, watching
from fp_cli.checkup_rows import FAIL, OK, Row, failing
from fp_cli.client import Client, idempotency_key

# Of the model and of the pipeline that deploys it. A name of a model stays taken: each trial makes it a new version.
NAME: Final = "fp-trial"
# An ONNX file: y = x + x, for rows of two numbers.
DOUBLE: Final = base64.b64decode(
    "CAgSADpECg4KAXgKAXgSAXkiA0FkZBIGZG91YmxlWhQKAXgSDwoNCAESCQoDEgFuCgIIAmIUCgF5Eg8KDQgBEgkKAxIBbgoCCAJCBAoAEBE="
)
_ASKED: Final = [[1.5, -2.0]]
_ANSWER: Final = [[3.0, -4.0]]
# A pod whose image is not yet on its node takes this long.
_SECONDS: Final = 600.0
_STEPS: Final = (
    ("validate", "STEP_TYPE_VALIDATE", "60s"),
    ("deploy", "STEP_TYPE_DEPLOY", "300s"),
    ("promote", "STEP_TYPE_PROMOTE", "60s"),
)


def of_predictions(client: Client, now: Callable[[], float] = time.monotonic) -> Row:
    """Needs the rights to register and to deploy models."""
    began = now()
    try:
        with _registered(client) as version:
            _deployed(client, version)
            found = _predicted(client)
    except Error as error:
        return failing("prediction", error)
    if found != _ANSWER:
        return Row("prediction", FAIL, f"{_ASKED} doubled is {found}", "see `fp logs` of the runtime")
    return Row("prediction", OK, f"version {version} of {NAME} was deployed and has answered in {now() - began:.0f} s")


@contextmanager
def _registered(client: Client) -> Iterator[str]:
    """The number of a version, READY. The model is archived afterwards, which undeploys it."""
    stub = registry_pb2_grpc.RegistryServiceStub(client.channel)
    try:
        known = names.model(client, NAME)
    except NotFound:
        known = None
    if known is not None and known.HasField("archived_at"):
        client.call(
            stub.RestoreModel, registry_pb2.RestoreModelRequest(id=known.id, idempotency_key=idempotency_key(""))
        )
    try:
        yield upload.register(client, upload.Order(model=NAME, content=DOUBLE)).version
    except Error:
        # What went wrong first is what there is to say.
        with suppress(Error):
            _archive(client, stub)
        raise
    _archive(client, stub)


def _archive(client: Client, stub: Any) -> None:
    try:
        model = names.model(client, NAME)
    except NotFound:
        return
    request = registry_pb2.DeleteModelRequest(id=model.id, force=True, idempotency_key=idempotency_key(""))
    client.call(stub.DeleteModel, request)


def _deployed(client: Client, version: str) -> None:
    """Raises FailedPrecondition when its execution does not complete."""
    stub = pipeline_pb2_grpc.PipelineOrchestratorServiceStub(client.channel)
    pipeline, _ = definitions.apply(client, _saga(), "")
    request = pipeline_pb2.TriggerExecutionRequest(pipeline_id=pipeline.id, idempotency_key=idempotency_key(""))
    request.input.update({"model": NAME, "version": version})
    execution = client.call(stub.TriggerExecution, request).execution
    ended = watching.end(client, execution.id, limit=_SECONDS)
    if ended.status != pipeline_pb2.EXECUTION_STATUS_COMPLETED:
        step = {"next_step": f"`fp pipelines status {execution.id}` shows each step"}
        raise FailedPrecondition(f"the tiny model was not deployed: {ended.error}", metadata=step)


def _saga() -> pipeline_pb2.CreatePipelineRequest:
    steps = [
        {"id": name, "name": name, "type": kind, "timeout": seconds, "maxRetries": 3} for name, kind, seconds in _STEPS
    ]
    document = {"name": NAME, "type": "PIPELINE_TYPE_DEPLOYMENT_SAGA", "steps": steps}
    return definitions.of_document(document)


def _predicted(client: Client) -> Any:
    stub = inference_pb2_grpc.InferenceGatewayServiceStub(client.channel)
    info = client.call(stub.GetModelInfo, inference_pb2.GetModelInfoRequest(model_name=NAME)).model_info
    request = inference_pb2.PredictRequest(model_name=NAME, inputs=tensors.encode({"x": _ASKED}, info.inputs))
    return tensors.decode(client.call(stub.Predict, request).outputs["y"])
