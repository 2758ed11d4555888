"""Names that say nothing, and files where they do harm."""

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from rules.tree import Source, Tree, Violation, walked

NAME_RULE = "name"
INIT_RULE = "test package"

BANNED = ("utils", "util", "common", "helpers", "helper", "core", "manager", "managers", "base")
# As a word at the end, or as `base_...`: `common_passwords` are passwords, `string_utils` are nothing.
_MODULE = re.compile(rf"(.*_)?({'|'.join(BANNED)})|base_.*")
_CLASS = re.compile(r".*(Utils?|Helpers?|Managers?|Base)|Base[A-Z].*")


def banned(tree: Tree) -> Iterator[Violation]:
    """No module, package or class is called utils, common, helpers, core, manager or base."""
    for source in tree.sources():
        for part in (*_packages(source.path), source.path.stem):
            if _MODULE.fullmatch(part):
                yield source.violation(0, NAME_RULE, f"{part!r} says nothing about what is inside", part)
        yield from _classes(source)


def _packages(path: PurePosixPath) -> tuple[str, ...]:
    parts = path.parts[:-1]
    return parts[parts.index("src") + 1 :] if "src" in parts else parts


def _classes(source: Source) -> Iterator[Violation]:
    for line, name in _empty_names(source.text):
        yield source.violation(line, NAME_RULE, f"class {name} says nothing", name)


@functools.lru_cache(maxsize=4_096)
def _empty_names(text: str) -> tuple[tuple[int, str], ...]:
    """Line and name of classes. By the text, because tests read nearly the same tree many times."""
    classes = (node for node in walked(text) if isinstance(node, ast.ClassDef))
    return tuple((node.lineno, node.name) for node in classes if _CLASS.fullmatch(node.name.lstrip("_")))


def test_packages(tree: Tree) -> Iterator[Violation]:
    """Tests are files, not packages: two test files may share a name, and nothing imports them."""
    for source in tree.sources():
        if source.is_test and source.path.name == "__init__.py":
            yield source.violation(0, INIT_RULE, "tests have no __init__.py")
