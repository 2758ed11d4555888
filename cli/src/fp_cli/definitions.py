"""Pipelines and inputs as people write them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from forgepoint.pipeline.v1 import pipeline_pb2 as pb
from forgepoint.pipeline.v1 import pipeline_pb2_grpc
from fp_kernel import AlreadyExists, InvalidArgument, invalid
from google.protobuf import json_format

from fp_cli import names
from fp_cli.client import Client, idempotency_key
from fp_cli.reading import text_of


def read(file: Path) -> pb.CreatePipelineRequest:
    """A definition from JSON or YAML, with protojson's or the proto's field names.

    Raises InvalidArgument naming what cannot be read.
    """
    text = text_of(file)
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        raise invalid("file", f"is neither JSON nor YAML: {error}") from None
    except RecursionError:
        raise invalid("file", "is nested too deeply") from None
    if not isinstance(document, dict):
        raise invalid("file", "must hold one pipeline")
    try:
        return json_format.ParseDict(document, pb.CreatePipelineRequest())
    except (json_format.ParseError, TypeError, AttributeError) as error:
        # A value of another type than the field's, such as a number as a key, is not always a ParseError.
        raise InvalidArgument(f"file: {error}") from None


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
