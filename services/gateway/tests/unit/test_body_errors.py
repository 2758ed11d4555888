"""What callers hear of bodies that do not fit."""

import pytest
from forgepoint.featurestore.v1 import featurestore_pb2 as pb
from forgepoint.pipeline.v1 import pipeline_pb2
from fp_gateway.http import bind
from fp_kernel import InvalidArgument
from fp_rpc.json_bodies import MAX_DEPTH, document_of

GOOD = {"entityId": "a", "values": {"i": 3.0}, "eventTime": "2026-01-01T10:00:00Z"}


@pytest.mark.parametrize(
    ("document", "field", "said"),
    [
        ({"features": [GOOD, GOOD | {"eventTime": "2026-01-01T10:00:00"}]}, "features[1].eventTime", "with its zone"),
        ({"features": [GOOD, {"entityId": 3}]}, "features[1].entityId", "must be a text"),
        ({"features": [GOOD, {"entity": "a"}]}, "features[1].entity", "is not a field"),
        ({"features": [GOOD, 7]}, "features[1]", "must be an object"),
        ({"features": GOOD}, "features", "must be a list"),
        ({"features": [{"values": [1]}]}, "features[0].values", "must be an object"),
        ({"featureViewId": ["x"]}, "featureViewId", "must be a text"),
    ],
)
def test_a_part_that_cannot_be_read_is_named_by_its_place_and_what_it_must_be(document, field, said):
    with pytest.raises(InvalidArgument) as refused:
        bind.parse(document, pb.WriteFeaturesRequest.DESCRIPTOR)
    assert [violation.field for violation in refused.value.fields] == [field]
    assert said in refused.value.message


def test_a_value_of_a_closed_set_is_named_with_the_set():
    with pytest.raises(InvalidArgument, match=r"target: must be one of .*REBUILD_TARGET_ONLINE"):
        bind.parse({"target": "SOME"}, pb.RebuildViewsRequest.DESCRIPTOR)


def nested(depth):
    document = 1
    for _ in range(depth):
        document = {"k": document}
    return document


def test_a_body_is_nested_as_deep_as_a_service_can_read_and_no_deeper():
    descriptor = pipeline_pb2.TriggerExecutionRequest.DESCRIPTOR
    message = bind.parse({"input": nested(MAX_DEPTH - 1)}, descriptor)
    pipeline_pb2.TriggerExecutionRequest.FromString(message.SerializeToString())
    for depth in (MAX_DEPTH, 60, 600):
        with pytest.raises(InvalidArgument, match="input: is nested more than 32 deep"):
            bind.parse({"pipelineId": "p", "input": nested(depth)}, descriptor)


def test_a_body_that_json_itself_cannot_read_is_told_the_same():
    body = b'{"k":' * 1_100 + b"1" + b"}" * 1_100
    with pytest.raises(InvalidArgument, match="body: is nested more than 32 deep"):
        document_of(body)
