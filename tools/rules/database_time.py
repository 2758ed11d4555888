"""Time in SQL is a parameter."""

import ast
import functools
import re
from collections.abc import Iterator

from rules.tree import Tree, Violation, walked

RULE = "time of the database"

_PRESENT = re.compile(
    r"(?<![.\w])(?:now|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday)\s*\(\s*\)"
    r"|\b(?:current_(?:timestamp|date|time)|localtime(?:stamp)?)\b",
    re.IGNORECASE,
)
# `due_at = now()`, `k.seen_at < now() - ...`, `since timestamptz NOT NULL DEFAULT now()`: the column it is for.
_COMPARED = re.compile(r"([a-z_]\w*)\s*(?:<=|>=|=|<|>)", re.IGNORECASE)
_DECLARED = re.compile(r"(\w+)\s+timestamptz\b[^,]*$", re.IGNORECASE)
_NO_COLUMN = "an expression"


def business_time(tree: Tree) -> Iterator[Violation]:
    """What the database calls now is today, whatever clock the service was given.

    Leases, due times of retries and record times are the database's, because the clocks of replicas differ; each of
    them is an exemption by file and column, with its reason.
    """
    for source in tree.sources():
        if source.ships and source.path.parts[0] in {"libs", "services"}:
            for line, column in _in_python(source.text):
                yield source.violation(line, RULE, f"{column}: pass the time as a parameter", column)
    for member in ("libs", "services"):
        for path in sorted((tree.root / member).glob("*/src/**/*.sql")):
            relative = path.relative_to(tree.root).as_posix()
            for line, column in _in_sql(path.read_text()):
                yield Violation(relative, line, RULE, f"{column}: pass the time as a parameter", column)


@functools.lru_cache(maxsize=4_096)
def _in_python(text: str) -> tuple[tuple[int, str], ...]:
    if not _PRESENT.search(text):
        return ()
    documentation = {id(node.value) for node in walked(text) if isinstance(node, ast.Expr)}
    found = []
    for node in walked(text):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            found += [(node.lineno + line - 1, column) for line, column in _in_sql(node.value)]
    return tuple(found)


def _in_sql(text: str) -> Iterator[tuple[int, str]]:
    """Line, from 1, and column of each reading of the database's clock; comments are none."""
    for number, line in enumerate(text.splitlines(), start=1):
        for match in _PRESENT.finditer(line.partition("--")[0]):
            yield number, _column(line[: match.start()])


def _column(before: str) -> str:
    compared, declared = _COMPARED.findall(before), _DECLARED.search(before)
    if compared:
        return str(compared[-1])
    return declared.group(1) if declared else _NO_COLUMN
