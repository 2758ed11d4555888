"""What is written as bytes is what protobuf would have written."""

from forgepoint.featurestore.v1 import featurestore_pb2 as pb
from fp_featurestore.api import convert, packed
from fp_featurestore.app.vectors import Vector
from fp_featurestore.domain.features import Feature, ValueType
from fp_featurestore.domain.plan import plan_of
from hypothesis import given
from hypothesis import strategies as st

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
VALUES = {
    # Beyond 2^53 - 1 as texts.
    ValueType.INT64: st.integers(-(2**63), 2**63 - 1).map(lambda n: float(n) if abs(n) < 2**53 else str(n)),
    ValueType.DOUBLE: NUMBERS,
    ValueType.BOOL: st.booleans(),
    ValueType.STRING: st.text(max_size=5),
    ValueType.TIMESTAMP: st.datetimes().map(lambda at: at.isoformat() + "Z"),
    ValueType.DOUBLE_LIST: st.lists(NUMBERS, max_size=3),
}
PLAIN = (ValueType.INT64, ValueType.DOUBLE, ValueType.BOOL)
NAMES = st.text("abcXYZ_09", min_size=1, max_size=140)


@st.composite
def rows(draw):
    kinds = draw(st.sampled_from((PLAIN, tuple(VALUES))))
    names = draw(st.lists(NAMES, min_size=1, max_size=8, unique=True))
    schema = tuple(Feature(name, draw(st.sampled_from(kinds))) for name in names)
    asked = draw(st.lists(st.sampled_from([*names, "gone"]), min_size=1, unique=True))
    complete = {feature.name: VALUES[feature.type] for feature in schema}
    given_row = st.fixed_dictionaries(complete) | st.fixed_dictionaries({}, optional=complete)
    return [
        Vector(f"é{number}", schema, asked, plan_of(schema).pack(draw(given_row)), number, number * 10**6, -number, 1)
        for number in range(draw(st.integers(0, 3)))
    ]


@given(rows())
def test_vectors_as_bytes_are_those_of_messages(vectors):
    expected = pb.GetOnlineFeaturesResponse(vectors=[convert.vector_to_pb(vector) for vector in vectors])
    assert packed.online(vectors) == expected
    assert list(packed.historical(vectors).vectors) == list(expected.vectors)


def test_a_complete_row_of_numbers_makes_no_object_for_a_value(monkeypatch):
    schema = tuple(Feature(f"f{number}", ValueType.DOUBLE) for number in range(50))
    row = plan_of(schema).pack({feature.name: 1.5 for feature in schema})
    monkeypatch.setattr(convert, "value_of", None)
    (vector,) = packed.online([Vector("a", schema, [feature.name for feature in schema], row, 1, 0, 0, 1)]).vectors
    assert {value.number_value for value in vector.values.values()} == {1.5}
