"""How rows are packed, and which values they take."""

import math

import pytest
from fp_featurestore.domain.features import Feature, ValueType
from fp_featurestore.domain.online import decode, encode
from fp_featurestore.domain.plan import BadValue, Plan, plan_of
from fp_featurestore.domain.rows import Row
from hypothesis import given
from hypothesis import strategies as st

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
VALUES = {
    # Beyond 2^53 - 1 as texts.
    ValueType.INT64: st.integers(-(2**63), 2**63 - 1).map(lambda n: float(n) if abs(n) < 2**53 else str(n)),
    ValueType.DOUBLE: NUMBERS,
    ValueType.STRING: st.text(max_size=20),
    ValueType.BOOL: st.booleans(),
    ValueType.TIMESTAMP: st.datetimes().map(lambda at: at.isoformat() + "Z"),
    ValueType.DOUBLE_LIST: st.lists(NUMBERS, max_size=5),
    ValueType.STRUCT: st.dictionaries(st.text(max_size=5), JSON, max_size=3),
}
KINDS = st.lists(st.sampled_from(list(ValueType)), min_size=1, max_size=20)


@st.composite
def tables(draw):
    schema = tuple(Feature(f"f{index}", kind) for index, kind in enumerate(draw(KINDS)))
    row = st.fixed_dictionaries({}, optional={one.name: VALUES[one.type] for one in schema})
    return schema, draw(st.lists(row, max_size=5))


def comparable(values):
    """Times come back in one form of several."""
    return {
        name: value.rstrip("0Z.") if isinstance(value, str) and "T" in value else value
        for name, value in values.items()
    }


@given(tables())
def test_what_is_packed_comes_back(table):
    schema, rows = table
    plan = Plan(schema)
    names = [feature.name for feature in schema]
    for row in rows:
        back = plan.unpack(plan.pack(row), names)
        assert comparable(back).keys() == row.keys()
        assert all(
            comparable(back)[name] == comparable(row)[name]
            for name in row
            if schema[int(name[1:])].type is not ValueType.TIMESTAMP
        )


@given(tables())
def test_columns_hold_what_the_rows_hold(table):
    schema, rows = table
    plan = Plan(schema)
    names = [*(feature.name for feature in schema), "unknown"]
    packed = [plan.pack(row) for row in rows]
    columns = plan.columns(packed, names)
    for name, column in zip(names, columns, strict=True):
        assert [value is not None for value in column] == [name in row for row in rows]
        assert [value for value in column if value is not None] == [
            plan.columns([one], [name])[0][0] for one, row in zip(packed, rows, strict=True) if name in row
        ]


@pytest.mark.parametrize(
    ("kind", "value", "why"),
    [
        ("DOUBLE", "1", "finite number"),
        ("DOUBLE", math.nan, "finite number"),
        ("DOUBLE", True, "finite number"),
        ("INT64", 1.5, "whole number"),
        ("INT64", 2.0**53 * 2, "2\\^53"),
        ("INT64", math.inf, "whole number"),
        ("STRING", 1.0, "text"),
        ("STRING", "x" * 8_193, "8192"),
        ("BOOL", 1.0, "true or false"),
        ("TIMESTAMP", "yesterday", "RFC 3339"),
        ("TIMESTAMP", "2013-01-01T00:00:00", "zone"),
        ("TIMESTAMP", "9999-12-31T23:59:59-14:00", "years|RFC"),
        ("DOUBLE_LIST", [1.0, "2"], "numbers"),
        ("DOUBLE_LIST", [1.0, math.inf], "finite"),
        ("DOUBLE_LIST", 1.0, "list"),
        ("DOUBLE_LIST", [0.0] * 4_097, "4096"),
        ("STRUCT", [1.0], "struct"),
        ("STRUCT", {"a": math.nan}, "finite"),
        ("STRUCT", {"a": "x" * 70_000}, "65536"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_its_name(kind, value, why):
    with pytest.raises(BadValue, match=why) as refused:
        Plan((Feature("temp", ValueType(kind)),)).pack({"temp": value})
    assert refused.value.name == "temp"


def test_a_list_has_the_length_of_its_dimension():
    with pytest.raises(BadValue, match="must have 2"):
        Plan((Feature("wind", ValueType.DOUBLE_LIST, dimension=2),)).pack({"wind": [1.0]})


def test_a_feature_that_the_view_lacks_is_refused():
    with pytest.raises(BadValue, match="not a feature"):
        Plan((Feature("temp", ValueType.DOUBLE),)).pack({"temp": 1.0, "no": 1.0})


def test_a_null_is_a_value_that_is_not_there():
    plan = Plan((Feature("temp", ValueType.DOUBLE),))
    assert plan.unpack(plan.pack({"temp": None}), ["temp"]) == {}


def test_a_schema_is_compiled_once():
    schema = (Feature("temp", ValueType.DOUBLE),)
    assert plan_of(schema) is plan_of((Feature("temp", ValueType.DOUBLE),))


ORDERED = st.tuples(st.integers(-(10**17), 10**17), st.integers(1, 2**40), st.integers(1, 1_000))


@given(ORDERED, ORDERED, st.binary(max_size=9))
def test_online_values_order_by_their_first_bytes_as_rows_do(one, other, packed):
    rows = [Row("a", event, 7, version, ordinal, 3, packed) for event, version, ordinal in (one, other)]
    first, second = (encode(row) for row in rows)
    assert (first[:20] < second[:20]) == (one < other)
    read = decode(first)
    assert (read.event_time, read.version, read.ordinal) == one
    assert (read.available_at, read.schema_version, read.packed) == (7, 3, packed)


@pytest.mark.parametrize("number", [2.0**53, -(2.0**53), 2.0**60, 0.5, float("nan")])
def test_an_integer_that_a_double_may_have_changed_is_refused(number):
    plan = plan_of((Feature("i", ValueType.INT64),))
    with pytest.raises(BadValue, match=r"i: must be a whole number; as a text beyond 2\^53 - 1"):
        plan.pack({"i": number})
    assert plan.unpack(plan.pack({"i": 2.0**53 - 1}), ["i"]) == {"i": 2.0**53 - 1}


@pytest.mark.parametrize("number", [2**53, 2**53 + 1, 2**63 - 1, -(2**63)])
def test_an_integer_beyond_a_double_passes_as_a_text(number):
    plan = plan_of((Feature("i", ValueType.INT64),))
    packed = plan.pack({"i": str(number)})
    assert plan.columns([packed], ["i"]) == [(number,)]
    assert plan.unpack(packed, ["i"]) == {"i": str(number)}


def test_an_integer_that_a_double_holds_is_a_number_however_it_came():
    plan = plan_of((Feature("i", ValueType.INT64),))
    assert plan.unpack(plan.pack({"i": "-7"}), ["i"]) == {"i": -7.0}


@pytest.mark.parametrize("text", ["1.0", "", "nine", str(2**63)])
def test_a_text_that_is_no_integer_is_refused(text):
    with pytest.raises(BadValue, match="i: is no whole number of 64 bits"):
        plan_of((Feature("i", ValueType.INT64),)).pack({"i": text})
