"""Modules that only join others send a reader to two more files and say nothing themselves."""

import ast
import functools
from collections.abc import Iterator

from rules.tree import Tree, Violation, parse

RULE = "module that only joins"

_IMPORTS = (ast.Import, ast.ImportFrom)


def joining_modules(tree: Tree) -> Iterator[Violation]:
    """A module that ships has something of its own; only `__init__.py` may gather what others define."""
    for source in tree.sources():
        if source.ships and source.path.name != "__init__.py" and _only_joins(source.text):
            yield source.violation(0, RULE, "merge it with the module that it joins, or import from where things are")


@functools.lru_cache(maxsize=4_096)
def _only_joins(text: str) -> bool:
    body = parse(text).body
    return any(map(_is_import, body)) and all(_is_import(it) or _is_text(it) or _is_glue(it) for it in body)


def _is_import(node: ast.stmt) -> bool:
    if isinstance(node, ast.If):
        return all(map(_is_import, [*node.body, *node.orelse]))
    return isinstance(node, _IMPORTS)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def _is_glue(node: ast.stmt) -> bool:
    """`__all__`, another name for something imported, or a class made of others that adds nothing to them."""
    if isinstance(node, ast.Assign):
        names = {target.id for target in node.targets if isinstance(target, ast.Name)}
        return names == {"__all__"} or isinstance(node.value, ast.Name | ast.Attribute)
    if isinstance(node, ast.ClassDef) and len(node.bases) > 1:
        return all(_is_text(it) or _initialises_bases(it) for it in node.body)
    return False


def _initialises_bases(node: ast.stmt) -> bool:
    """`__init__` that hands its arguments on, and nothing else."""
    return (
        isinstance(node, ast.FunctionDef)
        and node.name == "__init__"
        and all(_is_text(it) or _calls_init(it) for it in node.body)
    )


def _calls_init(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Attribute)
        and node.value.func.attr == "__init__"
    )
