import orjson
from forgepoint.common.v1 import model_pb2
from forgepoint.experiment.v1 import experiment_pb2
from forgepoint.featurestore.v1 import featurestore_pb2
from forgepoint.registry.v1 import registry_pb2
from fp_gateway.http import protojson
from google.protobuf import json_format


def shown(message):
    return orjson.loads(protojson.to_json(message))


def test_a_message_that_is_not_set_is_null():
    assert shown(registry_pb2.GetModelResponse()) == {"model": None}


def test_messages_within_lists_and_maps_are_complete_too():
    found = shown(registry_pb2.ListModelsResponse(models=[registry_pb2.Model(name="m")]))
    assert (found["models"][0]["archivedAt"], found["models"][0]["tags"], found["pagination"]) == (None, {}, None)

    comparison = experiment_pb2.RunComparison(run=experiment_pb2.Run(id="r"))
    compared = experiment_pb2.CompareRunsResponse(comparisons=[comparison])
    assert shown(compared)["comparisons"][0]["run"]["endedAt"] is None


def test_what_has_a_form_of_its_own_is_left_in_it():
    model = registry_pb2.Model(name="m")
    model.created_at.FromSeconds(0)
    assert shown(registry_pb2.GetModelResponse(model=model))["model"]["createdAt"] == "1970-01-01T00:00:00Z"

    version = registry_pb2.ModelVersion()
    version.metrics.update({"auc": 0.7, "none": None})
    assert shown(version)["metrics"] == {"auc": 0.7, "none": None}


def test_a_member_of_a_oneof_is_there_only_when_it_is_set():
    feature = model_pb2.FeatureBaseline(name="f")
    oneof = {field.json_name for one in feature.DESCRIPTOR.oneofs for field in one.fields}
    assert oneof
    assert not oneof & shown(feature).keys()


def test_what_is_written_is_read_back_as_the_same_message():
    view = featurestore_pb2.GetFeatureViewResponse(feature_view=featurestore_pb2.FeatureView(name="v"))
    assert json_format.Parse(protojson.to_json(view), featurestore_pb2.GetFeatureViewResponse()) == view
