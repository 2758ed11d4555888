import json

import pytest
from forgepoint.featurestore.v1 import featurestore_pb2 as pb
from fp_cli import feature_rows
from fp_kernel import InvalidArgument
from google.protobuf.json_format import MessageToDict

VIEW = pb.FeatureView(
    name="weather",
    entity=pb.Entity(name="airport", join_key="airport"),
    features=[
        pb.FeatureSpec(name=name, value_type=pb.FeatureValueType.Value(f"FEATURE_VALUE_TYPE_{kind}"))
        for name, kind in (
            ("code", "INT64"),
            ("temp", "DOUBLE"),
            ("sky", "STRING"),
            ("wet", "BOOL"),
            ("seen", "TIMESTAMP"),
            ("vector", "DOUBLE_LIST"),
            ("more", "STRUCT"),
        )
    ],
)
HEADER = "airport,code,temp,sky,wet,seen,vector,more,event_time\n"


def rows(text):
    return feature_rows.read(text, VIEW)


def test_cells_become_values_of_the_types_of_the_view():
    found = rows(HEADER + 'JFK,3,1.5,"clear, cold",1,2013-01-01,"[1,2]","{""a"": 1}",2013-01-01T05:00+05:00\n')

    assert MessageToDict(found.values[0], preserving_proto_field_name=True) == {
        "entity_id": "JFK",
        "event_time": "2013-01-01T00:00:00Z",
        "values": {
            "code": 3.0,
            "temp": 1.5,
            "sky": "clear, cold",
            "wet": True,
            "seen": "2013-01-01T00:00:00+00:00",
            "vector": [1.0, 2.0],
            "more": {"a": 1.0},
        },
    }


@pytest.mark.parametrize(
    ("text", "number"), [("3", 3.0), ("3.0", 3.0), ("-3e2", -300.0), ("9007199254740991", 2.0**53 - 1)]
)
def test_a_whole_number_is_read_as_in_json(text, number):
    [row] = rows(f"airport,code\nJFK,{text}\n").values

    assert row.values["code"].number_value == number


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("9007199254740992", "9007199254740992"),
        ("9007199254740993.0", "9007199254740993"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("9.2e18", "9200000000000000000"),
    ],
)
def test_a_whole_number_that_a_double_does_not_hold_is_sent_as_a_text(text, sent):
    [row] = rows(f"airport,code\nJFK,{text}\n").values

    assert row.values["code"].string_value == sent


def test_an_empty_cell_is_no_value_and_no_time():
    [row] = rows(HEADER + "JFK,,1,,,,,,\n").values

    assert list(row.values) == ["temp"]
    assert not row.HasField("event_time")


def test_the_entity_may_be_called_entity_id():
    assert rows("entity_id,temp\nJFK,1\n").values[0].entity_id == "JFK"


@pytest.mark.parametrize(
    ("cells", "column"),
    [
        ("JFK,x,,,,,,,", "code"),
        ("JFK,1.5,,,,,,,", "code"),
        ("JFK,9223372036854775808,,,,,,,", "code"),
        ("JFK,1e1000000,,,,,,,", "code"),
        ("JFK,inf,,,,,,,", "code"),
        ("JFK,,nan,,,,,,", "temp"),
        ("JFK,,,,maybe,,,,", "wet"),
        ("JFK,,,,,soon,,,", "seen"),
        ("JFK,,,,,,{},,", "vector"),
        ('JFK,,,,,,"[""a"", null, {}",,', "vector"),
        ("JFK,,,,,,,[1],", "more"),
        ("JFK,,1,,,,,,later", "event_time"),
    ],
)
def test_a_cell_that_cannot_be_read_is_named_by_line_and_column(cells, column):
    with pytest.raises(InvalidArgument, match=f"line 3, column {column}"):
        rows(f"{HEADER}LGA,,1,,,,,,\n{cells}\n")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        ("airport,temp\n", "no rows"),
        ("[]", "no rows"),
        ("temp\n1\n", "needs a column 'airport'"),
        ("airport,tmp\nJFK,1\n", "'tmp'.*it has code"),
        ("airport,temp,temp\nJFK,1,2\n", "two columns 'temp'"),
        ("airport,temp\nJFK\n", "line 2: has 1 cells"),
        ('airport,temp\n"JFK,1\n', "line"),
        ("[1]", "row 1"),
        ("[{]", "JSON"),
        ('{"entity_id": "a"}\n{"entity": "b"}', "line 2"),
        ("[" * 100_000, "nested"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_the_place(text, why):
    with pytest.raises(InvalidArgument, match=f"(?s){why}"):
        rows(text)


@pytest.mark.parametrize("as_lines", [True, False])
def test_json_is_an_array_or_an_object_a_line(as_lines):
    items = [{"entity_id": name, "values": {"temp": 1}} for name in ("JFK", "LGA")]
    text = "\n".join(map(json.dumps, items)) if as_lines else json.dumps(items)

    assert [row.entity_id for row in rows(text).values] == ["JFK", "LGA"]
