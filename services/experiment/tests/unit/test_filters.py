"""The grammar of filters."""

import math

import pytest
from fp_experiment.domain.filters import Comparison, Operator, Subject, parse
from fp_kernel import InvalidArgument
from fp_kernel.texts import is_text
from hypothesis import given
from hypothesis import strategies as st


def test_comparisons_are_joined_by_and():
    text = """metrics.loss<0.3 AND params.model = "x and y" and status != 'FAILED' and metrics.`val auc` >= -1e-3"""
    assert parse(text) == (
        Comparison(Subject.METRIC, "loss", Operator.LESS, 0.3),
        Comparison(Subject.PARAM, "model", Operator.EQUAL, "x and y"),
        Comparison(Subject.STATUS, "", Operator.UNEQUAL, "FAILED"),
        Comparison(Subject.METRIC, "val auc", Operator.AT_LEAST, -0.001),
    )
    assert parse("  ") == ()


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("params.```tick``` = 't'", "`tick`", "t"),
        ("params.`a``b` = 'it''s \"x\"'", "a`b", 'it\'s "x"'),
        ('params.both = "it\'s ""x"""', "both", 'it\'s "x"'),
        ("params.none = ''", "none", ""),
        ("params.quote = ''''", "quote", "'"),
        ("params.`東京\u3000駅` = 'a\u00a0b'", "東京\u3000駅", "a\u00a0b"),
    ],
)
def test_every_key_and_value_can_be_written(text, key, value):
    assert parse(text) == (Comparison(Subject.PARAM, key, Operator.EQUAL, value),)


@given(st.text(min_size=1, max_size=20).filter(is_text), st.text(max_size=20).filter(lambda text: "\0" not in text))
def test_what_is_quoted_twice_comes_back_as_it_was(key, value):
    doubled = (key.replace("`", "``"), value.replace("'", "''"))
    assert parse("params.`{}` = '{}'".format(*doubled))[0] == Comparison(Subject.PARAM, key, Operator.EQUAL, value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("loss < 1", "at character 1"),
        ("metrics.loss < 1 metrics.auc > 1", "at character 18 should be 'and'"),
        ("metrics.loss < 1 and", "at character 18 should be another comparison"),
        ("metrics.loss", "ends where one of"),
        ("metrics.loss < 'a'", "a number"),
        ("metrics.loss < 1x", "at character"),
        ("params.rate < '1'", "= or !="),
        ("params.rate = 1", "a text in quotes"),
        ("status = 'DONE'", "one of RUNNING"),
        ("name = 'open", "at character"),
        ("team = 'beta'", "at character 1"),
        ("metrics.loss < 1; DROP TABLE runs", "at character"),
        (" and ".join(["metrics.a = 1"] * 11), "at most 10"),
        ("metrics." + "k" * 251 + " < 1", "at most 250"),
        ("x" * 2_001, "at most 2000"),
        ("params.a = 'b\0c'", "without NUL"),
    ],
)
def test_a_bad_filter_is_told_with_its_place(text, said):
    with pytest.raises(InvalidArgument, match=r"^filter: ") as refused:
        parse(text)
    assert said in refused.value.message


@given(st.text(alphabet="metrics.params`'\" =<>!andinf0123456789x\n", max_size=60))
def test_any_text_is_a_filter_or_bad_input(text):
    try:
        parse(text)
    except InvalidArgument as error:
        assert error.fields[0].field == "filter"  # noqa: PT017 -- either outcome is right


NUMBERS = st.floats(allow_nan=True)


@given(st.sampled_from(Operator), NUMBERS)
def test_a_number_comes_back_as_it_was_written(operator, value):
    (comparison,) = parse(f"metrics.loss {operator} {value!r}")
    assert comparison.operator is operator
    assert comparison.value == value or math.isnan(value)


def test_nan_is_neither_less_nor_greater_and_equals_itself():
    for sign, holds in (("<", False), ("<=", False), (">", False), (">=", False), ("!=", True), ("=", False)):
        assert parse(f"metrics.a {sign} 1")[0].holds(math.nan) is holds
    assert parse("metrics.a = nan")[0].holds(math.nan)
    assert not parse("metrics.a != 1")[0].holds(None)
