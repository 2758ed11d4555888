"""Every setting of a service is read by it: one that nobody reads is set for nothing, and says what is not so."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

# Of peers: looked up by the noun (`getattr(settings, f"{noun}_addr")`).
_PEER = re.compile(r"\w+_addr")


def fields(source: str) -> Iterator[str]:
    for part in ast.walk(ast.parse(source)):
        if isinstance(part, ast.ClassDef):
            for line in part.body:
                if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
                    yield line.target.id


def unread(root: Path) -> list[str]:
    files = [*root.glob("services/*/src/**/*.py"), *root.glob("libs/*/src/**/*.py"), *root.glob("deploy/*/src/**/*.py")]
    sources = {file: file.read_text() for file in files}
    read = {name for source in sources.values() for name in re.findall(r"\.(\w+)\b", source)}
    return [
        f"{file.relative_to(root)}: {name}"
        for file, source in sources.items()
        if file.name == "settings.py"
        for name in fields(source)
        if name not in read and not _PEER.fullmatch(name)
    ]


def test_every_setting_is_read(tree):
    assert unread(tree.root) == []


@pytest.mark.parametrize(("reads", "found"), [("settings.shelf_days", 0), ("settings.shelf", 1)])
def test_one_that_nobody_reads_is_found(tmp_path, reads, found):
    folder = tmp_path / "services/planted/src/fp_planted"
    folder.mkdir(parents=True)
    (folder / "settings.py").write_text("class Settings:\n    shelf_days: int = 3\n    billing_addr: str\n")
    (folder / "main.py").write_text(f"print({reads})\n")

    assert len(unread(tmp_path)) == found
