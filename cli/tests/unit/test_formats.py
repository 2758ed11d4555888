import json
import math

import pytest
from fp_cli import formats, yaml_documents
from hypothesis import given
from hypothesis import strategies as st

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES)
def test_yaml_says_what_json_says(value):
    """Also where a text looks like a date, a number or `no`."""
    assert yaml_documents.load(formats.yaml_text(value)) == json.loads(formats.json_text(value))


@pytest.mark.parametrize("text", ["2013-03-01", "no", "012", "12:30:45", "1e3", "NaN", "", " x", "a\nb\n", "<<"])
def test_texts_stay_texts_in_yaml(text):
    assert yaml_documents.load(formats.yaml_text({"key": text, text: 1})) == {"key": text, text: 1}


def test_what_json_has_not_is_written_as_protojson_writes_it():
    found = formats.json_text({"losses": [math.nan, math.inf, -math.inf, 0.5]})

    assert json.loads(found, parse_constant=pytest.fail) == {"losses": ["NaN", "Infinity", "-Infinity", 0.5]}
    assert yaml_documents.load(formats.yaml_text([math.nan])) == ["NaN"]


def test_what_streams_is_a_line_of_json_or_a_document_of_yaml():
    assert formats.parse("json").single({"a": [1]}) == '{"a": [1]}\n'
    assert formats.parse("yaml").single({"a": 1}) == "---\na: 1\n"
    assert formats.parse("jsonpath={.a}").single({"a": 1}) == "1\n"


@pytest.mark.parametrize("text", ["jason", "", "jsonpath={.a", "wide"])
def test_another_format_is_refused_with_the_ones_there_are(text):
    with pytest.raises(ValueError, match="jsonpath"):
        formats.parse(text)
