"""Pipelines and inputs as people write them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from forgepoint.pipeline.v1 import pipeline_pb2 as pb
from forgepoint.pipeline.v1 import pipeline_pb2_grpc
from fp_kernel import AlreadyExists, NotFound, invalid

from fp_cli import documents, names
from fp_cli.client import Client, idempotency_key
from fp_cli.declared.document import is_declaration, parse
from fp_cli.declared.kinds.pipelines import Pipeline


def read(file: Path) -> pb.CreatePipelineRequest:
    """A definition from JSON or YAML, as a request of the API or as what `fp apply` takes.

    Raises InvalidArgument naming what cannot be read.
    """
    document = documents.load(file, "pipeline")
    if is_declaration(document):
        declared = parse(document, "file")
        if declared.kind != Pipeline.name:
            raise invalid("file", f"declares a {declared.kind}; `fp apply -f` takes every kind")
        request: pb.CreatePipelineRequest = Pipeline().request(declared.name, Pipeline().spec(declared))
        return request
    for index, step in enumerate(document.get("steps") or ()):
        if isinstance(step, dict):
            documents.check_depth(step.get("config"), f"steps[{index}].config")
    return of_document(document)


def of_document(document: Mapping[str, Any]) -> pb.CreatePipelineRequest:
    return documents.fill(pb.CreatePipelineRequest(), document)


def apply(client: Client, request: pb.CreatePipelineRequest, key: str) -> tuple[Any, str]:
    """The pipeline, and what became of it: created, changed or unchanged.

    Raises AlreadyExists when the team has, or had, a pipeline of that name which cannot become this one.
    """
    stub = pipeline_pb2_grpc.PipelineOrchestratorServiceStub(client.channel)
    request.idempotency_key = idempotency_key(key)
    if request.then_pipeline_id:
        request.then_pipeline_id = names.pipeline(client, request.then_pipeline_id).id
    try:
        return client.call(stub.CreatePipeline, request).pipeline, "created"
    except AlreadyExists as taken:
        try:
            existing = names.pipeline_named(client, request.name)
        except NotFound:
            raise AlreadyExists(f"{taken.message}, which was deleted; its name stays taken") from None
        if existing.type != request.type:
            raise
    same = _comparable(existing.steps) == _comparable(request.steps)
    if same and existing.then_pipeline_id == request.then_pipeline_id:
        return existing, "unchanged"
    change = pb.UpdatePipelineRequest(
        pipeline_id=existing.id,
        steps=request.steps,
        then_pipeline_id=request.then_pipeline_id,
        ends_then_pipeline=not request.then_pipeline_id,
        idempotency_key=request.idempotency_key,
        expected_revision=existing.revision,
    )
    changed = client.call(stub.UpdatePipeline, change).pipeline
    # The service fills in what the file leaves out: steps that say the same make no new ones.
    return changed, "unchanged" if changed == existing else "changed"


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
    documents.check_depth(document, "input")
    return document
