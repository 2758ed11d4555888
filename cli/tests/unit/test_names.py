"""What people name is found by its id and by its name, whatever the name looks like."""

import inspect

import grpc
import pytest
from forgepoint.billing.v1 import billing_pb2
from forgepoint.experiment.v1 import experiment_pb2
from forgepoint.featurestore.v1 import featurestore_pb2
from forgepoint.notification.v1 import notification_pb2
from forgepoint.pipeline.v1 import pipeline_pb2
from forgepoint.registry.v1 import registry_pb2
from fp_cli import definitions, names
from fp_kernel import AlreadyExists, NotFound

ID, LIKE_AN_ID = "0193f3a0-0000-7000-8000-000000000001", "0193f3a0-0000-7000-8000-000000000002"
# Of each: the message, the field of its answer, the field of the request that has the id.
GOT = {
    "GetModelRequest": (registry_pb2.GetModelResponse, "model", "id"),
    "GetPipelineRequest": (pipeline_pb2.GetPipelineResponse, "pipeline", "pipeline_id"),
    "GetFeatureViewRequest": (featurestore_pb2.GetFeatureViewResponse, "feature_view", "feature_view_id"),
    "GetRatePlanRequest": (billing_pb2.GetRatePlanResponse, "rate_plan", "rate_plan_id"),
    "GetExperimentRequest": (experiment_pb2.GetExperimentResponse, "experiment", "id"),
}


class Platform:
    """Has things of one kind, each an id and a name."""

    def __init__(self, *there):
        self.channel = grpc.insecure_channel("127.0.0.1:1")
        self.there, self.changed = there, []

    def call(self, _, request):
        if isinstance(request, experiment_pb2.ListExperimentsRequest):
            found = [experiment_pb2.Experiment(id=own, name=name) for own, name in self.there if name == request.name]
            return experiment_pb2.ListExperimentsResponse(experiments=found)
        if isinstance(request, pipeline_pb2.CreatePipelineRequest):
            raise AlreadyExists("name: the team has one")
        if isinstance(request, pipeline_pb2.UpdatePipelineRequest):
            self.changed.append(request.pipeline_id)
            return pipeline_pb2.UpdatePipelineResponse()
        response, field, id_field = GOT[type(request).__name__]
        for own, name in self.there:
            if getattr(request, id_field) == own or getattr(request, "name", "") == name:
                answer = response()
                found = getattr(answer, field)
                found.id, found.name = own, name
                return answer
        raise NotFound("there is no such thing")

    def pages(self, _, request, field, limit):
        assert field == "rules"
        yield from (notification_pb2.NotificationRule(id=own, name=name) for own, name in self.there)


def id_of(found):
    return found if isinstance(found, str) else found.id


# All there are, so that the next one is tried as well.
LOOKED_UP = pytest.mark.parametrize(
    "look_up",
    [
        function
        for _, function in inspect.getmembers(names, inspect.isfunction)
        if "name_or_id" in inspect.signature(function).parameters and not function.__name__.startswith("_")
    ],
)


@LOOKED_UP
@pytest.mark.parametrize("wanted", [ID, "delay"])
def test_it_is_found_by_its_id_and_by_its_name(look_up, wanted):
    assert id_of(look_up(Platform((ID, "delay")), wanted)) == ID


@LOOKED_UP
def test_one_whose_name_looks_like_an_id_is_found_by_it(look_up):
    assert id_of(look_up(Platform((ID, LIKE_AN_ID)), LIKE_AN_ID)) == ID


@LOOKED_UP
def test_an_id_comes_before_a_name_that_looks_like_it(look_up):
    assert id_of(look_up(Platform((ID, LIKE_AN_ID), (LIKE_AN_ID, "other")), LIKE_AN_ID)) == LIKE_AN_ID


@LOOKED_UP
def test_what_nobody_has_is_not_found(look_up):
    with pytest.raises(NotFound):
        look_up(Platform((ID, "delay")), "night")


@pytest.mark.parametrize("look_up", [names.model, names.pipeline, names.view, names.experiment])
def test_an_id_that_nobody_has_is_not_found(look_up):
    with pytest.raises(NotFound):
        look_up(Platform((ID, "delay")), LIKE_AN_ID)


def test_a_file_changes_the_pipeline_of_its_name_and_not_the_one_whose_id_looks_like_it():
    platform = Platform((LIKE_AN_ID, "other"), (ID, LIKE_AN_ID))
    step = pipeline_pb2.StepDefinition(id="a")

    definitions.apply(platform, pipeline_pb2.CreatePipelineRequest(name=LIKE_AN_ID, steps=[step]), "")

    assert platform.changed == [ID]
