import pytest
from fp_cli import jsonpath
from hypothesis import given
from hypothesis import strategies as st

MODELS = [
    {"name": "delay", "stage": "PRODUCTION", "metrics": {"auc": 0.75, "a.b": 1}, "versions": [1, 2, 3]},
    {"name": "fare", "stage": "DEV", "metrics": {}, "versions": [], "tags": None},
]


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{[*].name}", "delay fare"),
        ("[0].name", "delay"),
        ("{$[1].stage}", "DEV"),
        ("{[-1].name}", "fare"),
        ("{[0].versions[1:]}", "2 3"),
        ("{[0].versions[:-1]}", "1 2"),
        ("{[0].metrics['a.b']}", "1"),
        ("{[0].metrics.*}", "0.75 1"),
        ("{[*].metrics}", '{"auc": 0.75, "a.b": 1} {}'),
        ('{[?(@.stage=="PRODUCTION")].name}', "delay"),
        ("{[?(@.stage!='PRODUCTION')].name}", "fare"),
        ("{[?(@.metrics.auc==0.75)].name}", "delay"),
        ("{[?(@.tags)].name}", "fare"),
        ('{range [*]}{.name}{"\\t"}{.stage}{"\\n"}{end}', "delay\tPRODUCTION\nfare\tDEV\n"),
        ("name: {[0].name}, {[0].none}.", "name: delay, ."),
        ("{[7].name}{.name}", ""),
        ("{[1].tags}", "null"),
    ],
)
def test_a_template_prints_what_its_paths_find(template, text):
    assert jsonpath.template(template)(MODELS) == text


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{.name", "brace"),
        ("x}", "brace"),
        ("{..name}", "no step"),
        ("{[a]}", "no step"),
        ("{[?(@.a>1)]}", "no step"),
        ("{range [*]}{.name}", "no {end}"),
        ("{end}", "no {range}"),
        ("{" + "." * 5000 + "}", "longer"),
    ],
)
def test_what_cannot_be_read_is_said(template, said):
    with pytest.raises(ValueError, match=said):
        jsonpath.template(template)


@given(st.dictionaries(st.text(), st.integers()), st.data())
def test_every_key_can_be_written_in_quotes(values, data):
    if not values:
        return
    key = data.draw(st.sampled_from(sorted(values)))
    quoted = "'" + key.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"
    if any(ord(letter) < ord(" ") for letter in key.replace("\n", "")):
        return

    assert jsonpath.template(f"{{[{quoted}]}}")(values) == str(values[key])
