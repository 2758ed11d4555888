import pytest
from fp_kernel import InvalidArgument
from fp_registry.domain import text


@pytest.mark.parametrize("name", ["a", "fraud-detector", "Churn_2.1", "0", "x" * 128])
def test_a_model_name_that_fits_a_url_is_accepted(name):
    text.check_model_name(name, "name")


@pytest.mark.parametrize("name", ["", "-a", "a.", "a b", "a/b", "ä", "a\n", "../x", "x" * 129, "a\x00"])
def test_any_other_model_name_is_refused_by_its_field(name):
    with pytest.raises(InvalidArgument) as refused:
        text.check_model_name(name, "name")
    assert refused.value.fields[0].field == "name"


@pytest.mark.parametrize("name", ["1", "1.0.0", "2024-01-01", "1.0+build.7", "9" * 18])
def test_a_version_name_may_be_a_number_or_a_release(name):
    text.check_version_name(name, "version")


@pytest.mark.parametrize("name", ["", "1 ", "v/1", "9" * 19, "x" * 65])
def test_any_other_version_name_is_refused(name):
    with pytest.raises(InvalidArgument):
        text.check_version_name(name, "version")


def test_a_description_may_have_lines_and_no_control_characters():
    text.check_description("first\nsecond\ttab", "description")
    text.check_description("\u6771\u4eac\u3000\u99c5, prix\u00a0: 10\u00a0\u20ac", "description")
    with pytest.raises(InvalidArgument):
        text.check_description("nul\x00", "description")


@pytest.mark.parametrize(
    "tags",
    [{"": "x"}, {"k" * 64: "x"}, {"k": "v" * 257}, {"k": "two\nlines"}, {f"k{i}": "" for i in range(33)}],
)
def test_tags_are_few_short_lines(tags):
    with pytest.raises(InvalidArgument) as refused:
        text.check_tags(tags, "tags")
    assert refused.value.fields[0].field.startswith("tags")
