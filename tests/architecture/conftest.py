import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rules.tree import Tree

ROOT = Path(__file__).resolve().parent.parent.parent
COPIED = ("libs", "services", "cli", "examples", "tools", "tests", "bench", "proto", "gen", "docs", "deploy")


@pytest.fixture(scope="session")
def tree() -> Tree:
    """This repository."""
    return Tree(ROOT)


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


@pytest.fixture
def plant(copied) -> Iterator[Callable[[str, str], Tree]]:
    """Write a file of the copy; answers the copy."""
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
