"""Texts of requests are looked at for the character NUL, and nothing else is."""

import pytest
from forgepoint.auth.v1 import auth_pb2
from forgepoint.featurestore.v1 import featurestore_pb2 as features
from forgepoint.inference.v1 import inference_pb2 as inference
from forgepoint.pipeline.v1 import pipeline_pb2 as pipeline
from forgepoint.registry.v1 import registry_pb2 as registry
from fp_kernel import InvalidArgument
from fp_rpc.server.null_characters import NullCharacters

BAD = "a\0b"


def struct(value):
    message = pipeline.TriggerExecutionRequest(pipeline_id="p")
    message.input.update(value)
    return message


def written(**values):
    message = features.WriteFeaturesRequest()
    message.features.add(entity_id="a").values["x"].number_value = 1.0
    for name, value in values.items():
        message.features.add(entity_id="b").values[name].string_value = value
    return message


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (registry.GetModelRequest(name=BAD), "name"),
        (registry.RegisterModelRequest(name="m", tags={"k": BAD}), "tags[k]"),
        (registry.RegisterModelRequest(name="m", tags={BAD: "v"}), "tags"),
        (features.GetTrainingSetRequest(feature_views=[{"name": "v"}, {"name": BAD}]), "feature_views[1].name"),
        (auth_pb2.CreateAPIKeyRequest(name="k", scopes=["a", BAD]), "scopes[1]"),
        (written(y=BAD), "features[1].values[y]"),
        (struct({"a": {"b": [1.0, BAD]}}), "input.a.b[1]"),
        (struct({"a": {BAD: 1.0}}), "input.a"),
    ],
)
def test_a_text_with_the_character_is_named(message, field):
    with pytest.raises(InvalidArgument) as refused:
        NullCharacters(message.DESCRIPTOR).check(message)

    assert [violation.field for violation in refused.value.fields] == [field]


@pytest.mark.parametrize(
    "message",
    [
        inference.PredictRequest(model_name="m", inputs={"x": inference.TensorData(shape=[0, 256], data=bytes(12))}),
        written(y="plain"),
        struct({"a": {"b": [1.0, None, True]}}),
    ],
)
def test_numbers_and_bytes_may_hold_zeros(message):
    assert b"\0" in message.SerializeToString()

    NullCharacters(message.DESCRIPTOR).check(message)
