"""Things by the name people use, where the API wants an id."""

from typing import Any
from uuid import UUID

from forgepoint.auth.v1 import auth_pb2, auth_pb2_grpc
from forgepoint.pipeline.v1 import pipeline_pb2, pipeline_pb2_grpc
from forgepoint.registry.v1 import registry_pb2, registry_pb2_grpc
from fp_kernel import NotFound

from fp_cli.client import Client

_MOST = 10_000


def is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def model(client: Client, name_or_id: str) -> Any:
    stub = registry_pb2_grpc.RegistryServiceStub(client.channel)
    key = "id" if is_id(name_or_id) else "name"
    return client.call(stub.GetModel, registry_pb2.GetModelRequest(**{key: name_or_id})).model


def version(client: Client, model_name: str, number: str) -> Any:
    stub = registry_pb2_grpc.RegistryServiceStub(client.channel)
    request = registry_pb2.GetVersionRequest(model_id=model(client, model_name).id, version=number)
    return client.call(stub.GetVersion, request).version


def pipeline(client: Client, name_or_id: str) -> Any:
    stub = pipeline_pb2_grpc.PipelineOrchestratorServiceStub(client.channel)
    if is_id(name_or_id):
        return client.call(stub.GetPipeline, pipeline_pb2.GetPipelineRequest(pipeline_id=name_or_id)).pipeline
    for found in client.pages(stub.ListPipelines, pipeline_pb2.ListPipelinesRequest(), "pipelines", _MOST):
        if found.name == name_or_id:
            return found
    raise NotFound(
        f"there is no pipeline {name_or_id}",
        metadata={"next_step": "`fp pipelines list` shows which there are; `fp pipelines apply FILE` makes one"},
    )


def user(client: Client, email_or_id: str) -> str:
    """Id of a member of the caller's team."""
    if is_id(email_or_id):
        return email_or_id
    stub = auth_pb2_grpc.AuthServiceStub(client.channel)
    for found in client.pages(stub.ListUsers, auth_pb2.ListUsersRequest(), "users", _MOST):
        if found.email == email_or_id.lower():
            return str(found.id)
    raise NotFound(f"there is no user {email_or_id}", metadata={"next_step": "`fp users list` shows who there is"})
