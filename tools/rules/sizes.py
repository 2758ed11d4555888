"""Limits of the sizes of files and functions."""

import ast
import functools
from collections.abc import Iterator

from rules.tree import Tree, Violation, parse

FILE = 300
FUNCTION = 40
MAIN = 150

FILE_RULE = "file size"
FUNCTION_RULE = "function size"

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def files(tree: Tree) -> Iterator[Violation]:
    """A file has at most 300 lines, the main.py of a service 150."""
    for source in tree.sources():
        is_main = source.ships and source.path.name == "main.py" and "services" in source.path.parts
        limit = MAIN if is_main else FILE
        if source.lines > limit:
            yield source.violation(0, FILE_RULE, f"{source.lines} lines, at most {limit}")


def functions(tree: Tree) -> Iterator[Violation]:
    """A function has at most 40 lines of its own: decorators, docstring and nested functions do not count."""
    for source in tree.sources():
        for name, line, lines in _long_functions(source.text):
            yield source.violation(line, FUNCTION_RULE, f"{name} has {lines} lines, at most {FUNCTION}", name)


@functools.lru_cache(maxsize=4_096)
def _long_functions(text: str) -> tuple[tuple[str, int, int], ...]:
    """Name, line and size. By the text, because tests read nearly the same tree many times."""
    sized = ((name, node.lineno, _own_lines(node)) for name, node in _functions(parse(text), ""))
    return tuple(found for found in sized if found[2] > FUNCTION)


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, _Function]]:
    """Every function below the node with its dotted name."""
    for child in _definitions(node):
        name = f"{prefix}{child.name}"
        if not isinstance(child, ast.ClassDef):
            yield name, child
        yield from _functions(child, f"{name}.")


def _definitions(node: ast.AST) -> Iterator[_Function | ast.ClassDef]:
    """The nearest functions and classes below the node, also those within `if`, `with` and `try`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _Function | ast.ClassDef):
            yield child
        elif not isinstance(child, ast.expr):
            yield from _definitions(child)


def _own_lines(node: _Function) -> int:
    docstring = node.body[0] if ast.get_docstring(node, clean=False) is not None else None
    nested = sum(_length(inner) for inner in _definitions(node))
    return _length(node) - nested - (_length(docstring) if docstring else 0)


def _length(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1
