"""docs/reading.md names files that exist, and the walk to a refusal is short."""

import re
from pathlib import Path

import pytest

PAGE = Path("docs/reading.md")
_FILE = re.compile(r"`((?:libs|services|deploy)/[\w./]+\.(?:py|toml))`")
_STEP = re.compile(r"^\d+\. `([\w./]+\.(?:py|toml))`: \S", re.MULTILINE)
MOST_FILES = 8


def section(page: str, title: str) -> str:
    return page.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]


@pytest.fixture
def page(tree):
    return (tree.root / PAGE).read_text()


def test_every_file_of_the_walks_exists(tree, page):
    named = _FILE.findall(page)

    assert len(named) > MOST_FILES
    assert [path for path in named if not (tree.root / path).is_file()] == []


def test_the_walk_from_main_to_a_refused_call_has_at_most_eight_files(page):
    steps = _STEP.findall(section(page, "From main.py to a refused call"))

    assert steps[0].endswith("/main.py")
    assert steps[-1].endswith("/errors.py")
    assert len(steps) <= MOST_FILES


@pytest.mark.parametrize("title", ["One unary call", "One event"])
def test_each_step_of_a_walk_says_what_happens_there(page, title):
    lines = [line for line in section(page, title).splitlines() if line[:1].isdigit()]

    assert lines
    assert [line for line in lines if not _STEP.match(line)] == []
