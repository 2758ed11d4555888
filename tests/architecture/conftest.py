import copy
import functools
import gc
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import chart
import chart_facts
import pytest
from rules.tree import Source, Tree, walked

ROOT = Path(__file__).resolve().parent.parent.parent
COPIED = ("libs", "services", "cli", "examples", "tools", "tests", "bench", "proto", "gen", "docs", "deploy")

Plant = Callable[[str, str], Tree]


class Unchanged(Tree):
    """Whose files are read once."""

    @functools.cache  # noqa: B019 -- there is one of them
    def _all(self, below: Path | None) -> list[Source]:
        return list(super().sources(below))

    def sources(self, below: Path | None = None) -> Iterator[Source]:
        return iter(self._all(below))


@pytest.fixture(scope="session")
def tree() -> Tree:
    """This repository, parsed once for all rules."""
    tree = Unchanged(ROOT)
    # Millions of nodes that live as long as the tests: no collection need look at them, also while they are made.
    gc.disable()
    for source in tree.sources():
        walked(source.text)
    gc.freeze()
    gc.enable()
    return tree


@pytest.fixture(scope="session")
def copied(tmp_path_factory) -> Tree:
    """A copy to plant in; each test takes out again what it planted."""
    root = tmp_path_factory.mktemp("tree")
    ignored = shutil.ignore_patterns("__pycache__", ".*", "node_modules")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, root / name, ignore=ignored)
    shutil.copy(ROOT / ".importlinter", root)
    return Tree(root)


@pytest.fixture(scope="session")
def bare(tmp_path_factory) -> Tree:
    """The members and the protos of this repository, without their code: for rules that look at one file at a time."""
    root = tmp_path_factory.mktemp("bare")
    for folder in Tree(ROOT).members():
        copy = root / folder.relative_to(ROOT)
        copy.mkdir(parents=True)
        shutil.copy(folder / "pyproject.toml", copy)
    shutil.copytree(ROOT / "proto", root / "proto")
    return Tree(root)


@pytest.fixture
def plant(copied) -> Iterator[Plant]:
    """Write a file of the copy; answers the copy."""
    yield from planting(copied)


@pytest.fixture(scope="module")
def plant_for_all(copied) -> Iterator[Plant]:
    """The same for all tests of a module."""
    yield from planting(copied)


@pytest.fixture
def plant_alone(bare) -> Iterator[Plant]:
    """Write a file where there is no other; answers the tree."""
    yield from planting(bare)


def planting(copied: Tree) -> Iterator[Plant]:
    before: dict[Path, str | None] = {}

    def write(path: str, text: str) -> Tree:
        target = copied.root / path
        before.setdefault(target, target.read_text() if target.exists() else None)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        return copied

    yield write
    for target, text in before.items():
        if text is None:
            target.unlink()
        else:
            target.write_text(text)


@pytest.fixture(scope="session")
def rendered():
    """The manifests of the chart, with the values for kind, and two of auth."""
    folder = ROOT / chart_facts.CHART
    return chart.parsed(chart.rendered(folder, folder / "values-kind.yaml", "services.auth.replicas=2"))


@pytest.fixture
def planted(rendered):
    """A copy of them to plant in: all, and by kind and name."""
    whole = copy.deepcopy(rendered)
    return whole, {(each["kind"], each["metadata"]["name"]): each for each in whole}
