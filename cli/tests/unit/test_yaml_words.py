"""Words of YAML that its versions read in different ways are refused, and what they read alike is read."""

import pytest
import yaml
from fp_cli import yaml_documents


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("true", True),
        ("False", False),
        ("12", 12),
        ("-3", -3),
        ("0", 0),
        ("0x1f", 31),
        ("1.5", 1.5),
        ("1e3", "1e3"),
        ("'no'", "no"),
        ('"012"', "012"),
        ("null", None),
        ("plain words", "plain words"),
        ("v1.2.3", "v1.2.3"),
    ],
)
def test_what_all_versions_read_alike_is_read(word, value):
    assert yaml_documents.load(f"key: {word}") == {"key": value}


@pytest.mark.parametrize("word", ["no", "Yes", "on", "OFF", "012", "12:30:45", "12:30:45.5", "1_000", "0b11", "1_0.5"])
def test_what_they_read_in_different_ways_is_refused_with_its_line(word):
    with pytest.raises(yaml.YAMLError, match=r"line 2: .* quotes"):
        yaml_documents.load(f"first: 1\nkey: {word}")


@pytest.mark.parametrize(
    ("first", "form"), [("&a0 [x, x]", "[{0}]"), ("&a0 {x: x}", "{{<<: [{0}]}}"), ("&a0 {x: x}", "[[{0}]]")]
)
def test_a_few_lines_of_aliases_that_stand_for_billions_are_refused_with_their_line(first, form):
    """What is read shares them; what is made of it does not."""
    lines = [f"a0: {first}"]
    for number in range(1, 10):
        tenfold = ", ".join([f"*a{number - 1}"] * 10)
        lines.append(f"a{number}: &a{number} {form.format(tenfold)}")

    with pytest.raises(yaml.YAMLError, match=r"line \d+: aliases stand for more than 100000 values"):
        yaml_documents.load("\n".join(lines))


def test_aliases_of_a_sensible_size_are_read():
    text = "usual: &usual {cpu: 1}\na: *usual\nb: {<<: *usual, cpu: 2}\n"
    assert yaml_documents.load(text) == {"usual": {"cpu": 1}, "a": {"cpu": 1}, "b": {"cpu": 2}}


@pytest.mark.parametrize("text", ["a: &a [*a]", "a: &a {b: *a}"])
def test_what_holds_itself_is_refused(text):
    with pytest.raises((yaml.YAMLError, RecursionError)):
        yaml_documents.load(text)
