"""Pipelines."""

from collections.abc import Iterator
from typing import Any, ClassVar, Final

from forgepoint.pipeline.v1 import pipeline_pb2 as pb
from forgepoint.pipeline.v1 import pipeline_pb2_grpc
from fp_kernel import FailedPrecondition, NotFound

from fp_cli import names
from fp_cli.client import EVERYTHING, Client, idempotency_key
from fp_cli.declared.kind import Kind, Present, Spec

_NAMED_FILES: Final = ("artifact", "profile", "metrics")


class Pipeline(Kind):
    """`then_pipeline` is the name of the one that an execution triggers which registered a better version."""

    name = "Pipeline"
    message = pb.CreatePipelineRequest
    references: ClassVar = {"then_pipeline": "then_pipeline_id"}

    def find(self, client: Client, name: str) -> Present | None:
        try:
            found = names.pipeline_named(client, name)
        except NotFound:
            return None
        return Present(self._of(client, found), found.revision, found.id)

    def all(self, client: Client) -> Iterator[tuple[str, Spec]]:
        listed = client.pages(_stub(client).ListPipelines, pb.ListPipelinesRequest(), "pipelines", EVERYTHING)
        for pipeline in list(listed):
            yield pipeline.name, self._of(client, pipeline)

    def create(self, client: Client, name: str, spec: Spec) -> None:
        request = self.request(name, spec)
        request.then_pipeline_id = _id_of(client, spec)
        request.idempotency_key = idempotency_key("")
        client.call(_stub(client).CreatePipeline, request)

    def change(self, client: Client, name: str, spec: Spec, present: Present) -> None:
        wanted = self.request(name, spec)
        if spec.get("type") != present.spec.get("type"):
            raise FailedPrecondition("the type of a Pipeline never changes: give the new one another name")
        then = _id_of(client, spec)
        request = pb.UpdatePipelineRequest(
            pipeline_id=present.id,
            steps=wanted.steps,
            then_pipeline_id=then,
            ends_then_pipeline=not then,
            expected_revision=present.revision,
            idempotency_key=idempotency_key(""),
        )
        client.call(_stub(client).UpdatePipeline, request)

    def delete(self, client: Client, name: str, present: Present) -> None:  # noqa: ARG002 -- it goes by its id
        request = pb.DeletePipelineRequest(
            pipeline_id=present.id, idempotency_key=idempotency_key(""), expected_revision=present.revision
        )
        client.call(_stub(client).DeletePipeline, request)

    def equal(self, before: Spec, wanted: Spec) -> bool:
        """But for the files that the platform names in a REGISTER step which names none."""
        steps = before.get("steps", []), wanted.get("steps", [])
        if len(steps[0]) != len(steps[1]):
            return False
        said = [_as_said(*pair) for pair in zip(*steps, strict=True)]
        return {**before, "steps": said} == {**wanted, "steps": steps[1]}

    def after(self, spec: Spec) -> Iterator[str]:
        if then := spec.get("then_pipeline"):
            yield then

    def _of(self, client: Client, pipeline: pb.PipelineDefinition) -> Spec:
        return self.of(
            pb.CreatePipelineRequest(
                type=pipeline.type,
                steps=pipeline.steps,
                then_pipeline_id=names.of_pipeline(client, pipeline.then_pipeline_id),
            )
        )


def _as_said(before: Spec, wanted: Spec) -> Spec:
    """The step that is there, without what only the platform said of it."""
    if before.get("type") != "REGISTER":
        return before
    said = wanted.get("config", {})
    left = {key: value for key, value in before.get("config", {}).items() if key in said or key not in _NAMED_FILES}
    return {**{key: value for key, value in before.items() if key != "config"}, **({"config": left} if left else {})}


def _id_of(client: Client, spec: Spec) -> str:
    then = spec.get("then_pipeline")
    return names.pipeline_named(client, then).id if then else ""


def _stub(client: Client) -> Any:
    return pipeline_pb2_grpc.PipelineOrchestratorServiceStub(client.channel)
