"""Things by the name people use, where the API wants an id."""

from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from forgepoint.auth.v1 import auth_pb2, auth_pb2_grpc, people_pb2, people_pb2_grpc
from forgepoint.billing.v1 import billing_pb2, billing_pb2_grpc
from forgepoint.experiment.v1 import experiment_pb2, experiment_pb2_grpc
from forgepoint.featurestore.v1 import featurestore_pb2, featurestore_pb2_grpc
from forgepoint.notification.v1 import notification_pb2, notification_pb2_grpc
from forgepoint.pipeline.v1 import pipeline_pb2, pipeline_pb2_grpc
from forgepoint.registry.v1 import registry_pb2, registry_pb2_grpc
from fp_kernel import InvalidArgument, Kind, NotFound, PermissionDenied

from fp_cli.client import EVERYTHING, Client
from fp_cli.failures import advising

_RULES = "`fp notifications rules list` shows which there are"


def is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _found(name_or_id: str, by_id: Callable[[str], Any], by_name: Callable[[str], Any]) -> Any:
    """What has this id; where nothing has, what has this name: a name may look like an id."""
    if is_id(name_or_id):
        try:
            return by_id(name_or_id)
        except NotFound:
            pass
    return by_name(name_or_id)


def model(client: Client, name_or_id: str) -> Any:
    stub = registry_pb2_grpc.RegistryServiceStub(client.channel)
    return _found(
        name_or_id,
        lambda wanted: client.call(stub.GetModel, registry_pb2.GetModelRequest(id=wanted)).model,
        lambda wanted: client.call(stub.GetModel, registry_pb2.GetModelRequest(name=wanted)).model,
    )


def version(client: Client, model_name: str, number: str) -> Any:
    stub = registry_pb2_grpc.RegistryServiceStub(client.channel)
    request = registry_pb2.GetVersionRequest(model_id=model(client, model_name).id, version=number)
    return client.call(stub.GetVersion, request).version


def version_or_production(client: Client, model_name: str, number: str) -> Any:
    """Without a number the version in PRODUCTION. Raises NotFound."""
    stub = registry_pb2_grpc.RegistryServiceStub(client.channel)
    found = model(client, model_name)
    request = registry_pb2.GetVersionRequest(model_id=found.id, version=number)
    if not number:
        request.stage = registry_pb2.MODEL_STAGE_PRODUCTION
    step = f"`fp models versions {found.name}` shows which there are"
    with advising(Kind.NOT_FOUND, step):
        return client.call(stub.GetVersion, request).version


def pipeline(client: Client, name_or_id: str) -> Any:
    stub = pipeline_pb2_grpc.PipelineOrchestratorServiceStub(client.channel)
    return _found(
        name_or_id,
        lambda wanted: client.call(stub.GetPipeline, pipeline_pb2.GetPipelineRequest(pipeline_id=wanted)).pipeline,
        lambda wanted: pipeline_named(client, wanted),
    )


def pipeline_named(client: Client, name: str) -> Any:
    stub = pipeline_pb2_grpc.PipelineOrchestratorServiceStub(client.channel)
    try:
        return client.call(stub.GetPipeline, pipeline_pb2.GetPipelineRequest(name=name)).pipeline
    except NotFound:
        step = "`fp pipelines list` shows which there are; `fp pipelines apply FILE` makes one"
        raise NotFound(f"there is no pipeline {name}", metadata={"next_step": step}) from None


def of_pipeline(client: Client, pipeline_id: str) -> str:
    """Its name; of one that is no longer there its id, and nothing of none."""
    if not pipeline_id:
        return ""
    stub = pipeline_pb2_grpc.PipelineOrchestratorServiceStub(client.channel)
    try:
        request = pipeline_pb2.GetPipelineRequest(pipeline_id=pipeline_id)
        return str(client.call(stub.GetPipeline, request).pipeline.name)
    except NotFound:
        return pipeline_id


def view(client: Client, name_or_id: str) -> Any:
    stub = featurestore_pb2_grpc.FeatureStoreServiceStub(client.channel)
    of = featurestore_pb2.GetFeatureViewRequest
    with advising(Kind.NOT_FOUND, "`fp features views list` shows which there are"):
        return _found(
            name_or_id,
            lambda wanted: client.call(stub.GetFeatureView, of(feature_view_id=wanted)).feature_view,
            lambda wanted: client.call(stub.GetFeatureView, of(name=wanted)).feature_view,
        )


def experiment(client: Client, name_or_id: str) -> str:
    """Its id."""
    stub = experiment_pb2_grpc.ExperimentTrackerServiceStub(client.channel)

    def named(wanted: str) -> Any:
        request = experiment_pb2.ListExperimentsRequest(include_archived=True, name=wanted)
        for found in client.call(stub.ListExperiments, request).experiments:
            return found
        step = "`fp experiments list` shows which there are"
        raise NotFound(f"there is no experiment {wanted}", metadata={"next_step": step})

    def by_id(wanted: str) -> Any:
        return client.call(stub.GetExperiment, experiment_pb2.GetExperimentRequest(id=wanted)).experiment

    return str(_found(name_or_id, by_id, named).id)


def plan(client: Client, name_or_id: str) -> str:
    """Id of a rate plan."""
    stub = billing_pb2_grpc.BillingServiceStub(client.channel)
    of = billing_pb2.GetRatePlanRequest
    try:
        found = _found(
            name_or_id,
            lambda wanted: client.call(stub.GetRatePlan, of(rate_plan_id=wanted)).rate_plan,
            lambda wanted: client.call(stub.GetRatePlan, of(name=wanted)).rate_plan,
        )
    except NotFound:
        return _id_of((), name_or_id, "rate plan", "`fp plans list` shows which there are")
    return str(found.id)


def rule(client: Client, name_or_id: str) -> str:
    """Id of a notification rule, of which a team has few; empty stays empty.

    What has the form of an id and is nobody's name is taken for one: deliveries of a rule outlive it.
    """
    if not name_or_id:
        return ""
    stub = notification_pb2_grpc.NotificationServiceStub(client.channel)
    found = client.pages(stub.ListRules, notification_pb2.ListRulesRequest(), "rules", EVERYTHING)
    return _id_of(found, name_or_id, "rule", _RULES)


def found_rule(client: Client, name_or_id: str) -> Any:
    """A notification rule itself."""
    stub = notification_pb2_grpc.NotificationServiceStub(client.channel)
    found = list(client.pages(stub.ListRules, notification_pb2.ListRulesRequest(), "rules", EVERYTHING))
    rule_id = _id_of(found, name_or_id, "rule", _RULES)
    for each in found:
        if each.id == rule_id:
            return each
    raise NotFound(f"there is no rule {name_or_id}", metadata={"next_step": _RULES})


def _id_of(items: Iterable[Any], name: str, noun: str, step: str) -> str:
    known = {str(found.id): found.name for found in items}
    if name in known:
        return name
    for known_id, its_name in known.items():
        if its_name == name:
            return known_id
    if is_id(name):
        return name
    raise NotFound(f"there is no {noun} {name}", metadata={"next_step": step})


def person(client: Client, user_id: str) -> str:
    """The address of a member of the caller's team; what is no such person, or may not be looked up, stays its id."""
    if not is_id(user_id):
        return user_id
    stub = people_pb2_grpc.PeopleServiceStub(client.channel)
    try:
        return str(client.call(stub.GetUser, people_pb2.GetUserRequest(user_id=user_id)).user.email) or user_id
    except (NotFound, PermissionDenied):
        return user_id


def user(client: Client, email_or_id: str) -> str:
    """Id of a member of the caller's team."""
    if is_id(email_or_id):
        return email_or_id
    stub = auth_pb2_grpc.AuthServiceStub(client.channel)
    try:
        for found in client.call(stub.ListUsers, auth_pb2.ListUsersRequest(email=email_or_id)).users:
            return str(found.id)
    except InvalidArgument:
        # What is no address is nobody's.
        pass
    raise NotFound(f"there is no user {email_or_id}", metadata={"next_step": "`fp users list` shows who there is"})
