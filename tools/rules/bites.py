"""Deletes in bites take their rows by an index."""

import ast
import functools
import re
from collections.abc import Iterator

from rules.tree import Tree, Violation, walked

RULE = "bite without order"

_BITE = re.compile(r"\bDELETE\s+FROM\s+(\w+)\b.*?\(\s*SELECT\b(?P<rows>.*?)\bLIMIT\b", re.IGNORECASE | re.DOTALL)
_ORDER = re.compile(r"\bORDER\s+BY\b", re.IGNORECASE)


def unordered(tree: Tree) -> Iterator[Violation]:
    """With a LIMIT and no order the planner may hope to meet the rows early, and read the whole table for them.

    At ten million rows a bite of 50 took a second so.
    """
    for source in tree.sources():
        if source.ships and source.path.parts[0] in {"libs", "services"}:
            for line, table in _in_python(source.text):
                yield source.violation(line, RULE, f"{table}: order the rows of a bite by an index", table)


@functools.lru_cache(maxsize=4_096)
def _in_python(text: str) -> tuple[tuple[int, str], ...]:
    if "DELETE FROM" not in text.upper():
        return ()
    return tuple(
        (node.lineno, match.group(1))
        for node in walked(text)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for match in _BITE.finditer(node.value)
        if not _ORDER.search(match.group("rows"))
    )
