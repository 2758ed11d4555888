"""Lineage: nodes with facts, and edges between them.

Everything here may arrive twice and in any order. A fact holds until one with a later time; an edge holds for ever, and
the earliest event that named it is stored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

MAX_NODES = 1_000
MAX_FACT = 1_000


class Kind(StrEnum):
    DATA = "DATA"
    RUN = "RUN"
    VERSION = "VERSION"
    DEPLOYMENT = "DEPLOYMENT"
    DRIFT_REPORT = "DRIFT_REPORT"
    MODEL = "MODEL"


class Relation(StrEnum):
    READ_BY = "READ_BY"
    PART_OF = "PART_OF"
    PRODUCED = "PRODUCED"
    DEPLOYED = "DEPLOYED"
    DRIFTED = "DRIFTED"
    RETRAINED = "RETRAINED"
    VERSIONED = "VERSIONED"


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    kind: Kind
    id: str


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is known of a node since `at`."""

    node: Ref
    name: str
    value: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Edge:
    """event_id: the event that it came from; empty when it came by a call."""

    source: Ref
    target: Ref
    relation: Relation
    at: datetime
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class LineageRecord:
    """The lineage in one event or one call."""

    facts: Sequence[Fact] = ()
    edges: Sequence[Edge] = ()

    @property
    def rows(self) -> int:
        return len(self.facts) + len(self.edges)


@dataclass(frozen=True, slots=True)
class Node:
    ref: Ref
    facts: Mapping[str, str]
    first_seen_at: datetime


@dataclass(frozen=True, slots=True)
class Lineage:
    """truncated: there is more, further away."""

    nodes: Sequence[Node] = ()
    edges: Sequence[Edge] = ()
    truncated: bool = field(default=False)


def version_ref(model_name: str, version: str) -> Ref:
    """By its name, not its id: every event has the name, and names stay a team's for ever."""
    return Ref(Kind.VERSION, f"{model_name}@{version}")


def deployment_ref(model_name: str, version: str) -> Ref:
    return Ref(Kind.DEPLOYMENT, f"{model_name}@{version}")


def facts(node: Ref, at: datetime, **values: object) -> list[Fact]:
    """Facts by name; empty ones are left out, long ones are cut."""
    found = {name: _text(value) for name, value in values.items() if value not in {None, ""}}
    return [Fact(node, name, value, at) for name, value in found.items()]


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bool):
        return str(value).lower()
    return str(value).replace("\0", "")[:MAX_FACT]
