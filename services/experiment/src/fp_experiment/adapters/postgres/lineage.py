"""The lineage: facts and edges."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from asyncpg import Record
from fp_postgres import Connection

from fp_experiment.domain.lineage import Edge, Fact, Kind, Lineage, LineageRecord, Node, Ref, Relation

# In one order everywhere, so that two replicas wait for each other and do not lock each other out.
_FACTS = """
INSERT INTO lineage_facts AS stored (team, kind, id, name, value, at, since)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[])
    AS given (team, kind, id, name, value, at, since)
ORDER BY team, kind, id, name
ON CONFLICT (team, kind, id, name) DO UPDATE SET
    value = CASE WHEN (excluded.at, excluded.value) > (stored.at, stored.value) THEN excluded.value
                 ELSE stored.value END,
    at = greatest(excluded.at, stored.at),
    since = least(excluded.since, stored.since)
WHERE (excluded.at, excluded.value) > (stored.at, stored.value) OR excluded.since < stored.since
"""

_EDGES = """
INSERT INTO lineage_edges AS stored (team, from_kind, from_id, to_kind, to_id, relation, event_id, occurred_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::uuid[],
    $8::timestamptz[]) AS given (team, from_kind, from_id, to_kind, to_id, relation, event_id, occurred_at)
ORDER BY team, from_kind, from_id, to_kind, to_id, relation
ON CONFLICT (team, from_kind, from_id, to_kind, to_id, relation) DO UPDATE SET
    event_id = excluded.event_id, occurred_at = excluded.occurred_at
WHERE excluded.occurred_at < stored.occurred_at
"""

# Back from the start and forth from it, never back and forth: what else came of the same data is not its lineage.
# UNION drops what was reached before, so a circle ends; rows come by distance, so the limit leaves the nearest.
_LINEAGE = """
WITH RECURSIVE walk (back, kind, id) AS (
    SELECT back, $2::text, $3::text FROM (VALUES (true), (false)) AS directions (back)
    UNION
    SELECT walk.back, next.kind, next.id FROM walk CROSS JOIN LATERAL (
        (SELECT from_kind AS kind, from_id AS id FROM lineage_edges
            WHERE walk.back AND team = $1 AND to_kind = walk.kind AND to_id = walk.id LIMIT $4)
        UNION ALL
        (SELECT to_kind, to_id FROM lineage_edges
            WHERE NOT walk.back AND team = $1 AND from_kind = walk.kind AND from_id = walk.id LIMIT $4)
    ) AS next
), near AS (
    SELECT DISTINCT kind, id FROM (SELECT kind, id FROM walk LIMIT $4) AS nearest
)
SELECT kind, id, facts.facts, facts.since, edges.edges FROM near
CROSS JOIN LATERAL (
    SELECT jsonb_object_agg(name, value) AS facts, min(since) AS since FROM lineage_facts AS fact
    WHERE fact.team = $1 AND fact.kind = near.kind AND fact.id = near.id
) AS facts
CROSS JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_array(to_kind, to_id, relation, event_id, occurred_at)) AS edges
    FROM lineage_edges AS edge JOIN near AS target ON target.kind = edge.to_kind AND target.id = edge.to_id
    WHERE edge.team = $1 AND edge.from_kind = near.kind AND edge.from_id = near.id
) AS edges
"""


class PostgresLineage:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def record(self, team: str, record: LineageRecord) -> None:
        await self.record_all([(team, record)])

    async def record_all(self, records: Iterable[tuple[str, LineageRecord]]) -> None:
        """Many records with two statements."""
        found = list(records)
        facts = _newest((team, fact) for team, record in found for fact in record.facts)
        if facts:
            await self._connection.execute(_FACTS, *zip(*facts, strict=True))
        edges = _first((team, edge) for team, record in found for edge in record.edges)
        if edges:
            await self._connection.execute(_EDGES, *zip(*edges, strict=True))

    async def around(self, team: str, start: Ref, limit: int) -> Lineage | None:
        # Each node may be reached both ways, and one more shows that there is more.
        rows = await self._connection.fetch(_LINEAGE, team, start.kind, start.id, limit + 2)
        edges = [edge for row in rows for edge in _edges(row)]
        nodes = [node for row in rows if (node := _node(row, edges))]
        if all(node.ref != start for node in nodes):
            return None
        nodes.sort(key=lambda node: (node.first_seen_at, node.ref))
        edges.sort(key=lambda edge: (edge.at, edge.source, edge.target))
        return Lineage(nodes, edges, truncated=len(rows) > limit)


def _newest(facts: Iterable[tuple[str, Fact]]) -> list[tuple[Any, ...]]:
    """One row for each fact: its newest word and its first time. One statement may change a row once."""
    rows: dict[tuple[str, str, str, str], tuple[datetime, str, datetime]] = {}
    for team, fact in facts:
        key = (team, fact.node.kind.value, fact.node.id, fact.name)
        at, value, since = rows.get(key, (fact.at, fact.value, fact.at))
        at, value = max((at, value), (fact.at, fact.value))
        rows[key] = (at, value, min(since, fact.at))
    return [(*key, value, at, since) for key, (at, value, since) in rows.items()]


def _first(edges: Iterable[tuple[str, Edge]]) -> list[tuple[Any, ...]]:
    """One row for each edge, as it came first."""
    rows: dict[tuple[str, ...], Edge] = {}
    for team, edge in edges:
        source, target = edge.source, edge.target
        key = (team, source.kind.value, source.id, target.kind.value, target.id, edge.relation.value)
        if key not in rows or edge.at < rows[key].at:
            rows[key] = edge
    return [(*key, edge.event_id or None, edge.at) for key, edge in rows.items()]


def _edges(row: Record) -> Sequence[Edge]:
    source = Ref(Kind(row["kind"]), row["id"])
    return [
        Edge(source, Ref(Kind(kind), node), Relation(relation), datetime.fromisoformat(at), event_id or "")
        for kind, node, relation, event_id, at in json.loads(row["edges"] or "[]")
    ]


def _node(row: Record, edges: Sequence[Edge]) -> Node | None:
    """None for one that no event or call named."""
    ref = Ref(Kind(row["kind"]), row["id"])
    times = [edge.at for edge in edges if ref in {edge.source, edge.target}]
    if row["since"] is not None:
        times.append(row["since"])
    return Node(ref, json.loads(row["facts"] or "{}"), min(times)) if times else None
