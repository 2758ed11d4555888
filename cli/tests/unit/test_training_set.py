import pytest
from forgepoint.featurestore.v1 import featurestore_pb2 as pb
from fp_cli import training_set
from fp_kernel import InvalidArgument

KINDS = ("DOUBLE", "INT64", "BOOL", "STRING", "TIMESTAMP", "DOUBLE_LIST", "STRUCT")
MICROS = 1_356_998_400_000_000  # 2013-01-01


def reader(names, *, views=None):
    columns = [
        pb.TrainingSetColumn(
            feature_view_id=(views or ["v"] * len(names))[place],
            name=name,
            value_type=pb.FeatureValueType.Value(f"FEATURE_VALUE_TYPE_{KINDS[place]}"),
        )
        for place, name in enumerate(names)
    ]
    head = pb.GetTrainingSetResponse(columns=columns)
    head.known_as_of.FromMicroseconds(MICROS)
    body = pb.GetTrainingSetResponse(
        entity_ids=["a", "b"],
        as_of_micros=[MICROS, MICROS + 1],
        values=[
            pb.TrainingSetValues(doubles=[0.1, 0.0], missing=[1]),
            pb.TrainingSetValues(integers=[7, 8]),
            pb.TrainingSetValues(bools=[True, False]),
            pb.TrainingSetValues(strings=["x", "y, z"]),
            pb.TrainingSetValues(integers=[MICROS, 0], missing=[1]),
            pb.TrainingSetValues(doubles=[1, 2, 3], lengths=[2, 1]),
            pb.TrainingSetValues(strings=['{"b":1}', ""], missing=[1]),
        ][: len(names)],
    )

    class Client:
        def call(self, method, request):
            return pb.GetFeatureViewResponse(feature_view=pb.FeatureView(name=f"view-{request.feature_view_id}"))

    class Stub:
        GetFeatureView = None

    return training_set.Reader(Client(), [head, body], Stub())


def test_columns_become_rows_and_what_is_missing_is_nothing():
    found = reader([*"abcdefg"])

    assert found.names == ["entity_id", "as_of", *"abcdefg"]
    assert found.known_as_of == "2013-01-01T00:00:00Z"
    assert [[training_set.cell(value) for value in row] for row in found.rows()] == [
        ["a", "2013-01-01T00:00:00Z", "0.1", "7", "true", "x", "2013-01-01T00:00:00Z", "[1.0,2.0]", '{"b":1}'],
        ["b", "2013-01-01T00:00:00.000001Z", "", "8", "false", "y, z", "", "[3.0]", ""],
    ]


def test_features_of_one_name_are_told_with_their_view():
    assert reader(["a", "a"], views=["1", "2"]).names[2:] == ["view-1.a", "view-2.a"]


def test_rows_views_and_labels_become_a_request():
    selection = training_set.Selection(
        "flights:hour, origin", "2013-01-01", "2013-03-01", "2013-03-01", ["weather"], ["outcomes"]
    )

    request = training_set.request(selection)

    assert [(view.name, list(view.feature_names), view.required) for view in request.feature_views] == [
        ("flights", ["hour", "origin"], False),
        ("weather", [], False),
        ("outcomes", [], True),
    ]
    assert request.feature_views[2].as_of == request.known_as_of
    assert request.window.name == "flights"


@pytest.mark.parametrize("missing", ["rows", "start", "end", "known_as_of"])
def test_what_a_request_needs_is_named(missing):
    options = {"rows": "flights", "start": "2013-01-01", "end": "2013-02-01", "known_as_of": "2013-02-01"}

    with pytest.raises(InvalidArgument, match=missing.replace("_", "-")):
        training_set.request(training_set.Selection(**(options | {missing: ""})))
