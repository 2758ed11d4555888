"""Importing a module changes nothing of the process."""

import ast
import functools
from collections.abc import Iterator

from rules.tree import Tree, Violation, walked

RULE = "change at import"


def changes(tree: Tree) -> Iterator[Violation]:
    """A bare call of another package's module while a module of ours is imported.

    A bound of the csv library that one module set so was in force for another only where both had been imported:
    its test passed or failed by what had run before it.
    """
    for source in tree.sources():
        if source.ships:
            for line, call in _calls(source.text):
                yield source.violation(line, RULE, f"{call}: call it where it is needed", call)


@functools.lru_cache(maxsize=4_096)
def _calls(text: str) -> tuple[tuple[int, str], ...]:
    imported = {
        (name.asname or name.name).partition(".")[0]
        for node in walked(text)
        if isinstance(node, ast.Import)
        for name in node.names
    }
    return tuple(
        (node.lineno, ast.unparse(node.value.func))
        for node in ast.parse(text).body
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and _root(node.value.func) in imported
    )


def _root(called: ast.expr) -> str:
    while isinstance(called, ast.Attribute):
        called = called.value
    return called.id if isinstance(called, ast.Name) else ""
