"""What docs/predictions.md says of each feature is there: its RPCs, routes, settings, metrics and tests."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fp_gateway.http.route_table import API
from fp_gateway.methods import all_methods

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/predictions.md"
FEATURE, RPC, HTTP, COMMAND, SETTING, METRIC, WHY, TEST = range(8)
_CODE = re.compile(r"`([^`]+)`")
_RPC = re.compile(r"\b(?:[A-Z][a-z]+){2,}\b")
_TEST = re.compile(r"(?:(?:(\w+) )?(unit|component|integration|e2e)/)?((?:apart/)?test_\w+\.py)")


@pytest.fixture(scope="module")
def source():
    """Of services and libraries."""
    files = [*ROOT.glob("services/*/src/**/*.py"), *ROOT.glob("libs/*/src/**/*.py")]
    return "\n".join(file.read_text() for file in files)


def rows() -> Iterator[list[str]]:
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and len(cells) == 8 and cells[FEATURE] != "feature":
            yield cells


def column(number: int) -> list[tuple[str, str]]:
    return [(cells[FEATURE], cells[number]) for cells in rows()]


def files_of(cell: str) -> Iterator[Path]:
    """The noun and the kind of the one before stand for those that are not said."""
    noun, kind = "", ""
    for found in _TEST.finditer(cell):
        noun, kind = found[1] or noun, found[2] or kind
        if kind == "e2e":
            yield ROOT / "tests/e2e" / found[3]
            continue
        homes = [ROOT / "services" / noun, ROOT / "libs" / noun, ROOT / noun]
        yield next((home for home in homes if home.is_dir()), ROOT) / "tests" / kind / found[3]


def test_there_is_a_row_for_each_feature():
    features = [cells[FEATURE] for cells in rows()]

    assert len(features) == len(set(features)) > 25
    assert [cells[FEATURE] for cells in rows() if not cells[WHY] or not cells[TEST]] == []


def test_rpcs_exist():
    known = {method.path.rpartition("/")[2] for method in all_methods().values()}
    # A kind that `fp apply` knows, and the words of the header.
    said = {name for _, cell in column(RPC) for name in _RPC.findall(cell)}

    assert said - known == set()
    assert len(said) > 25


def test_routes_exist():
    known = {re.sub(r"\{\w+\}", "{}", route.path) for route in API}
    said = {
        re.sub(r"\{\w+\}", "{}", path.removeprefix("A"))
        for _, cell in column(HTTP)
        for path in _CODE.findall(cell)
        if path.startswith("A/")
    }

    assert said - known == set()
    assert len(said) > 12


def test_settings_exist(source):
    said = {name for _, cell in column(SETTING) for name in _CODE.findall(cell) if name.startswith("FP_")}

    assert {name for name in said if f"{name.removeprefix('FP_').lower()}:" not in source} == set()
    assert len(said) > 10


def test_metrics_exist(source):
    said = {name.removesuffix("*") for _, cell in column(METRIC) for name in _CODE.findall(cell)}

    assert {name for name in said if f'"{name}' not in source} == set()
    assert len(said) > 15


def test_tests_exist():
    said = [test for _, cell in column(TEST) for test in files_of(cell)]

    assert [str(test) for test in said if not test.is_file()] == []
    assert len(said) > 35
