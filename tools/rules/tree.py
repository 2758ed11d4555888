"""The files of a repository as the rules see them."""

import ast
import functools
import gc
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_MEMBERS = ("libs/*", "services/*", "cli", "deploy/*", "examples/*")
_OTHERS = ("tests", "tools", "bench")
_SKIPPED = frozenset({"__pycache__", "node_modules", ".venv"})


@dataclass(frozen=True, slots=True, order=True)
class Violation:
    """path: relative to the root. line: 0 for the file as a whole. subject: a function, a name."""

    path: str
    line: int
    rule: str
    message: str
    subject: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.message}"


@dataclass(frozen=True, slots=True)
class Source:
    """A Python file. path: relative to the root."""

    path: PurePosixPath
    text: str

    @property
    def lines(self) -> int:
        return self.text.count("\n") + (not self.text.endswith("\n") and bool(self.text))

    @property
    def module(self) -> ast.Module:
        return parse(self.text)

    @property
    def is_test(self) -> bool:
        return "tests" in self.path.parts

    @property
    def ships(self) -> bool:
        """Part of an installed package."""
        return "src" in self.path.parts and not self.is_test

    @property
    def package(self) -> str:
        """The import package of a file below src; empty elsewhere."""
        parts = self.path.parts
        return parts[parts.index("src") + 1] if "src" in parts[:-2] else ""

    def violation(self, line: int, rule: str, message: str, subject: str = "") -> Violation:
        return Violation(str(self.path), line, rule, message, subject)


class Tree:
    """root: of a repository. Generated code is no part of it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def members(self) -> list[Path]:
        """The folders of the workspace's members, without generated code."""
        found = [path for pattern in _MEMBERS for path in self.root.glob(pattern)]
        return sorted(path for path in found if (path / "pyproject.toml").is_file())

    def packages(self) -> dict[str, Path]:
        """Import packages by name, with their folders."""
        folders = [folder for member in self.members() for folder in (member / "src").glob("*")]
        return {folder.name: folder for folder in folders if (folder / "__init__.py").is_file()}

    def services(self) -> dict[str, Path]:
        """Packages of services by noun."""
        return {
            name.removeprefix("fp_"): folder
            for name, folder in self.packages().items()
            if folder.is_relative_to(self.root / "services")
        }

    def sources(self, below: Path | None = None) -> Iterator[Source]:
        """Every Python file of our own, in order."""
        folders = [below] if below else [*self.members(), *(self.root / name for name in _OTHERS)]
        for folder in folders:
            for path in sorted(folder.rglob("*.py")):
                relative = path.relative_to(self.root)
                if _SKIPPED.isdisjoint(relative.parts):
                    yield Source(PurePosixPath(relative.as_posix()), path.read_text())


@functools.lru_cache(maxsize=4_096)
def parse(text: str) -> ast.Module:
    """The module of a file's text; all rules share it, and none changes it."""
    # A tree has thousands of nodes and no garbage: collections would take as long as the parser.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return ast.parse(text)
    finally:
        if collecting:
            gc.enable()


@functools.lru_cache(maxsize=4_096)
def walked(text: str) -> tuple[ast.AST, ...]:
    """All nodes of a file's text, as `ast.walk` gives them."""
    return tuple(ast.walk(parse(text)))
