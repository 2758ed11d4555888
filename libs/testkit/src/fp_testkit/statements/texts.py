"""Every SQL text that a package can send, found in its source.

A text is a literal of a function, a constant of a module or class, or an f-string of constants. It is named by where it
stands: `users.PostgresUsers.find`, the second of one function `users.PostgresUsers.find/2`, a constant `users._PAGE`.
An f-string with a part that is known only when it runs is a pattern: the table gives an example that must fit it.
"""

import ast
import importlib
import pkgutil
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Final

_READS: Final = re.compile(
    r"select\b.*\bfrom\b|with\s+(recursive\s+)?\w+\s*(\([^)]*\)\s*)?as\b", re.IGNORECASE | re.DOTALL
)
_WRITES: Final = re.compile(
    r"(insert\s+into|delete\s+from|merge\s+into|update\s+(only\s+)?[\w.\"]+\s.*?\bset)\s", re.IGNORECASE | re.DOTALL
)
_BEGINS: Final = re.compile(r"(select|insert\s+into|delete\s+from|merge\s+into|update|with)\s", re.IGNORECASE)
_COMMENT: Final = re.compile(r"--[^\n]*")
_HOLE: Final = "\0"


@dataclass(frozen=True, slots=True)
class Text:
    """sql: with one space for each gap. pattern: parts of it are known only when it runs."""

    sql: str
    pattern: bool = False

    def fits(self, example: str) -> bool:
        """Whether the example can be this text."""
        parts = (re.escape(part) for part in self.sql.split(_HOLE))
        return re.fullmatch(".*".join(parts), squeezed(example)) is not None


def squeezed(sql: str) -> str:
    """Without comments, and with one space for each gap."""
    return " ".join(_COMMENT.sub("", sql).split())


def collect(package: str) -> dict[str, Text]:
    """Name -> text of every statement that reads or writes a table."""
    modules = list(_modules(package))
    composed, bare = Counter[str](), Counter[str]()
    for _, tree in modules:
        _count_uses(tree, composed, bare)
    found: dict[str, Text] = {}
    for module, tree in modules:
        # What is only ever a part of others is not sent by itself.
        parts = {name for name in composed if not bare[name]}
        for place, text in _Finder(module, parts).of(tree).items():
            short = f"{module.__name__.rpartition('.')[2]}.{place}"
            found[short if short not in found else f"{module.__name__}.{place}"] = text
    return found


def _modules(package: str) -> Iterator[tuple[ModuleType, ast.Module]]:
    root = importlib.import_module(package)
    names = [package, *sorted(found.name for found in pkgutil.walk_packages(root.__path__, f"{package}."))]
    for name in names:
        if name.endswith(".__main__"):
            continue
        module = importlib.import_module(name)
        if module.__file__:
            yield module, ast.parse(Path(module.__file__).read_text(encoding="utf-8"))


def _count_uses(tree: ast.AST, composed: Counter[str], bare: Counter[str], *, inside: bool = False) -> None:
    """How often each name is used as a part of a text and how often by itself."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            (composed if inside else bare)[node.id if isinstance(node, ast.Name) else node.attr] += 1
        within = (
            inside or isinstance(node, ast.JoinedStr) or (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add))
        )
        formats = isinstance(node, ast.Attribute) and node.attr == "format"
        _count_uses(node, composed, bare, inside=within or formats)


class _Finder(ast.NodeVisitor):
    """The statements of one module."""

    def __init__(self, module: ModuleType, parts: set[str]) -> None:
        self._scope: Mapping[str, object] = vars(module)
        self._parts = parts
        self._path: list[str] = []
        self._depth = 0
        self._found: dict[str, Text] = {}

    def of(self, tree: ast.Module) -> dict[str, Text]:
        self.visit(tree)
        return self._found

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._path.append(node.name)
        self.generic_visit(node)
        self._path.pop()

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._path.append(node.name)
        self._depth += 1
        self.generic_visit(node)
        self._depth -= 1
        self._path.pop()

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit_FunctionDef(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):  # a docstring
            self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        self._assigned(node, node.targets[0], node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._assigned(node, node.target, node.value)

    def _assigned(self, node: ast.AST, target: ast.expr, value: ast.expr | None) -> None:
        """A constant has its own name, and is no statement when it is only ever a part of others."""
        if self._depth or value is None or not isinstance(target, ast.Name):
            self.generic_visit(node)
            return
        if target.id in self._parts:
            return
        self._path.append(target.id)
        self.visit(value)
        self._path.pop()

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self._add(node.value)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        self._composed(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if not isinstance(node.op, ast.Add) or not self._composed(node):
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Attribute) and node.func.attr == "format" and self._composed(node):
            return
        self.generic_visit(node)

    def _composed(self, node: ast.expr) -> bool:
        sql = self._value(node)
        return sql is not None and self._add(sql)

    def _value(self, node: ast.expr) -> str | None:
        """The text of an expression, with a mark for each part that only a running function knows."""
        if isinstance(node, ast.JoinedStr):
            return "".join(self._value(part) or _HOLE for part in node.values)
        if isinstance(node, ast.FormattedValue):
            return self._value(node.value)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            left, right = self._value(node.left), self._value(node.right)
            return None if left is None and right is None else (left or _HOLE) + (right or _HOLE)
        try:
            value = eval(compile(ast.Expression(node), "<statement>", "eval"), dict(self._scope))  # noqa: S307 -- the repository's own source
        except Exception:  # noqa: BLE001 -- it needs what only a running function has
            value = None
        return str(value) if isinstance(value, str | int) else None

    def _add(self, sql: str) -> bool:
        sql = squeezed(sql)
        pattern = _HOLE in sql
        if not (_READS.match(sql) or _WRITES.match(sql) or (pattern and _BEGINS.match(sql))):
            return False
        place = ".".join(self._path)
        number = sum(name.partition("/")[0] == place for name in self._found) + 1
        self._found[place if number == 1 else f"{place}/{number}"] = Text(sql, pattern)
        return True
