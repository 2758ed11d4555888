"""Pipelines and inputs as people write them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from forgepoint.pipeline.v1 import pipeline_pb2 as pb
from forgepoint.pipeline.v1 import pipeline_pb2_grpc
from fp_kernel import AlreadyExists, invalid

from fp_cli import documents, names
from fp_cli.client import Client, idempotency_key


def read(file: Path) -> pb.CreatePipelineRequest:
    """A definition from JSON or YAML, with protojson's or the proto's field names.

    Raises InvalidArgument naming what cannot be read.
    """
    return documents.fill(pb.CreatePipelineRequest(), documents.load(file, "pipeline"))


def apply(client: Client, request: pb.CreatePipelineRequest, key: str) -> tuple[Any, bool]:
    """The pipeline, and whether it is new.

    Raises AlreadyExists when the team has a pipeline of that name with other steps.
    """
    stub = pipeline_pb2_grpc.PipelineOrchestratorServiceStub(client.channel)
    request.idempotency_key = idempotency_key(key)
    try:
        return client.call(stub.CreatePipeline, request).pipeline, True
    except AlreadyExists:
        existing = names.pipeline(client, request.name)
        if existing.type == request.type and _comparable(existing.steps) == _comparable(request.steps):
            return existing, False
        raise


def _comparable(steps: Sequence[pb.StepDefinition]) -> list[bytes]:
    """What is left out and what is empty mean the same; the service answers with what is empty."""
    found = []
    for step in steps:
        whole = pb.StepDefinition.FromString(step.SerializeToString())
        whole.config.SetInParent()
        whole.timeout.SetInParent()
        found.append(whole.SerializeToString(deterministic=True))
    return found


def inputs(values: Sequence[str]) -> dict[str, Any]:
    """`name=value` pairs and JSON objects, merged."""
    found: dict[str, Any] = {}
    for value in values:
        if value.lstrip().startswith("{"):
            found |= _object(value)
            continue
        name, separator, text = value.partition("=")
        if not separator or not name:
            raise invalid("input", f"{value!r} is neither name=value nor a JSON object")
        found[name] = text
    return found


def _object(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise invalid("input", f"is not JSON: {error}") from None
    except RecursionError:
        raise invalid("input", "is nested too deeply") from None
    if not isinstance(document, dict):
        raise invalid("input", "must be a JSON object")
    return document
