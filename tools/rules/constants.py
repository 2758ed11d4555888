"""The texts that a module's constants stand for, without running it."""

import ast
from collections.abc import Iterable, Mapping

Known = Mapping[str, tuple[str, ...]]


def of_module(module: ast.Module, known: Known | None = None) -> dict[str, tuple[str, ...]]:
    """Module-level names whose values are a text or a sequence of texts.

    known: names from elsewhere, such as those it imports.
    """
    found = dict(known or {})
    for node in module.body:
        target, value = _assignment(node)
        if target and value is not None and (texts := evaluate(value, found)):
            found[target] = texts
    return found


def _assignment(node: ast.stmt) -> tuple[str, ast.expr | None]:
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id, node.value
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return node.target.id, node.value
    return "", None


def evaluate(node: ast.expr, known: Known) -> tuple[str, ...]:
    """The texts of an expression of literals, names, sequences and `+`; nothing for any other expression."""
    match node:
        case ast.Constant(value=str(text)):
            return (text,)
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return known.get(name, ())
        case ast.Tuple(elts=items) | ast.List(elts=items) | ast.Set(elts=items):
            return tuple(text for item in items for text in evaluate(item, known))
        case ast.Starred(value=value):
            return evaluate(value, known)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _sum(left, evaluate(left, known), evaluate(right, known))
    return ()


def _sum(left: ast.expr, first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    if isinstance(left, ast.Tuple | ast.List):
        return first + second
    return tuple(one + other for one in first for other in second)


def text_nodes(nodes: Iterable[ast.AST]) -> list[ast.expr]:
    """The literals and sums among the nodes that may be texts; docstrings are none."""
    listed = list(nodes)
    documentation = {id(node.value) for node in listed if isinstance(node, ast.Expr)}
    candidates = (node for node in listed if isinstance(node, ast.Constant | ast.BinOp))
    return [
        node
        for node in candidates
        if id(node) not in documentation and (isinstance(node, ast.BinOp) or isinstance(node.value, str))
    ]
