"""Plans, read from EXPLAIN (FORMAT JSON)."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

_SORTS: Final = {"Sort", "Incremental Sort"}
_WHOLE: Final = "Seq Scan"


@dataclass(frozen=True, slots=True)
class Plan:
    """indexes: by name, also those that decide a conflict. whole: tables that are read from end to end.

    sorted: whether rows of a table are sorted. touched: rows that scans looked at, 0 unless the statement ran.
    tables: every table that is read.
    """

    indexes: frozenset[str]
    whole: frozenset[str]
    tables: frozenset[str]
    sorted: bool
    touched: int


def read(explained: str, roots: Mapping[str, str]) -> Plan:
    """explained: the one value that EXPLAIN (FORMAT JSON) answers with. roots: by partition, or index of one."""
    root = json.loads(explained)[0]["Plan"]
    nodes = list(_nodes(root))
    scans = [node for node in nodes if _is_scan(node)]
    indexes = {node["Index Name"] for node in nodes if "Index Name" in node}
    arbiters = {index for node in nodes for index in node.get("Conflict Arbiter Indexes", ())}

    def named(names: Iterable[str]) -> frozenset[str]:
        return frozenset(roots.get(name, name) for name in names if not name.startswith("pg_"))

    return Plan(
        indexes=named(indexes | arbiters),
        whole=named(node["Relation Name"] for node in scans if node["Node Type"] == _WHOLE),
        tables=named(node["Relation Name"] for node in scans),
        sorted=any(node["Node Type"] in _SORTS and any(map(_is_scan, _nodes(node))) for node in nodes),
        touched=round(sum(map(_touched, scans))),
    )


def _nodes(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)


def _is_scan(node: Mapping[str, Any]) -> bool:
    # The server's own tables are its own business.
    table = node.get("Relation Name", "pg_")
    return node["Node Type"].endswith("Scan") and not table.startswith("pg_")


def _touched(node: Mapping[str, Any]) -> float:
    each = sum(
        node.get(count, 0) for count in ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
    )
    return float(each * node.get("Actual Loops", 0))
