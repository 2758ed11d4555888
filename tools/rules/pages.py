"""What a page names exists: files that it links or quotes, settings, and targets of make."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from rules.tree import Tree, Violation

RULE = "page"

# Decisions are history: they may name what was there when they were made.
_PAGES = (
    "*.md",
    "docs/**/*.md",
    "services/*/README.md",
    "libs/*/README.md",
    "cli/*.md",
    "deploy/**/*.md",
    "examples/*/*.md",
)
_HISTORY = Path("docs") / "decisions"
_NAMING = ("libs", "services", "cli", "deploy", "examples", "tests", "tools", "bench")
_LINK = re.compile(r"\]\((?!\w+:)([^)#\s]+)[^)]*\)")
_QUOTED = re.compile(r"`([\w.-]+(?:/[\w.-]+)+\.(?:py|toml|md|sql|proto|yaml))`")
_SETTING = re.compile(r"\bFP_[A-Z0-9_]*[A-Z0-9]\b")
_TARGET = re.compile(r"(?:^|`)make ([a-z][a-z-]*)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Known:
    """files: with a slash before the path. words: of code and of data.
    targets: of make; empty where there is no Makefile.
    """

    files: tuple[str, ...]
    words: frozenset[str]
    targets: frozenset[str]


def listed(root: Path) -> list[Path]:
    """The pages of a repository, in order."""
    return sorted({found for pattern in _PAGES for found in root.glob(pattern)})


def truths(tree: Tree) -> Iterator[Violation]:
    """Links lead to files, quoted paths end the path of a file, settings are read somewhere, make knows its targets."""
    known = _known(tree.root)
    for path in listed(tree.root):
        page = path.relative_to(tree.root)
        text = path.read_text()
        for link in _LINK.findall(text):
            if not (tree.root / os.path.normpath(page.parent / link)).exists():
                yield Violation(str(page), 0, RULE, f"the link {link} leads nowhere", link)
        if _HISTORY not in page.parents:
            for name, message in _unknown(text, known):
                yield Violation(str(page), 0, RULE, message, name)


def _unknown(text: str, known: _Known) -> Iterator[tuple[str, str]]:
    """What the page names and nobody has, with what is wrong."""
    for quoted in _QUOTED.findall(text):
        if not any(file.endswith(f"/{quoted}") for file in known.files):
            yield quoted, f"there is no file {quoted}"
    for setting in _SETTING.findall(text):
        if known.words.isdisjoint({setting, setting.removeprefix("FP_").lower()}):
            yield setting, f"nothing reads {setting}"
    for target in _TARGET.findall(text):
        if known.targets and target not in known.targets:
            yield target, f"make knows no {target}"


@lru_cache(maxsize=4)
def _known(root: Path) -> _Known:
    files = [path for name in (*_NAMING, "docs", "proto") for path in (root / name).rglob("*.*")]
    words: set[str] = set()
    for path in files:
        if path.suffix in {".py", ".toml"}:
            words.update(re.findall(r"\w+", path.read_text()))
    makefile = root / "Makefile"
    text = makefile.read_text() if makefile.exists() else ""
    targets = frozenset(re.findall(r"^([a-z][a-z-]*):", text, re.MULTILINE))
    return _Known(tuple(f"/{path.relative_to(root)}" for path in files), frozenset(words), targets)
