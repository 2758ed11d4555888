"""What a test pays for that none of its assertions is about."""

import ast
from collections.abc import Iterator

from rules.tree import Tree, Violation, walked

AUTHORITIES_RULE = "HTTP client of a test that reads the machine's authorities"

_KIT = "fp_testkit"
_CLIENTS = frozenset({"AsyncClient", "Client", "get", "post", "put", "patch", "delete", "request", "stream"})
_SAYS = frozenset({"verify", "transport"})


def authorities(tree: Tree) -> Iterator[Violation]:
    """A client that is not told how to verify reads them, which takes 40 ms, also where it speaks no TLS."""
    for source in tree.sources():
        if not source.ships or source.package == _KIT:
            for node in walked(source.text):
                if isinstance(node, ast.Call) and _reads(node):
                    yield source.violation(node.lineno, AUTHORITIES_RULE, "pass verify=NO_TLS of fp_testkit.http")


def _reads(node: ast.Call) -> bool:
    called = node.func
    return (
        isinstance(called, ast.Attribute)
        and called.attr in _CLIENTS
        and isinstance(called.value, ast.Name)
        and called.value.id == "httpx"
        and _SAYS.isdisjoint(keyword.arg for keyword in node.keywords)
    )
