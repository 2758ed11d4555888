"""The lineage of a version as a tree: data -> run -> version -> deployment -> report -> run."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any, Final

from forgepoint.experiment.v1 import experiment_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp

from fp_cli.cells import local, printable

Ref = tuple[int, str]

_DATA: Final = pb.LINEAGE_KIND_DATA
_RUN: Final = pb.LINEAGE_KIND_RUN
_VERSION: Final = pb.LINEAGE_KIND_VERSION
_DEPLOYMENT: Final = pb.LINEAGE_KIND_DEPLOYMENT
_REPORT: Final = pb.LINEAGE_KIND_DRIFT_REPORT
_MODEL: Final = pb.LINEAGE_KIND_MODEL
# Data, models and the tracked runs of an execution are shown beside a node; these lead from one node to the next.
_LEADS: Final = frozenset(
    {
        pb.LINEAGE_RELATION_PRODUCED,
        pb.LINEAGE_RELATION_DEPLOYED,
        pb.LINEAGE_RELATION_DRIFTED,
        pb.LINEAGE_RELATION_RETRAINED,
    }
)
_READ: Final = "read."


@dataclass(frozen=True, slots=True)
class _Entry:
    """One line of the tree; ref: whose children stand below it."""

    text: str
    ref: Ref | None = None


@dataclass(slots=True)
class _Graph:
    """after: what a node led to. parts: tracked runs of an execution. views: what a run read."""

    asked: Ref
    nodes: Mapping[Ref, Any] = field(default_factory=dict)
    after: dict[Ref, list[Ref]] = field(default_factory=lambda: defaultdict(list))
    parts: dict[Ref, list[Ref]] = field(default_factory=lambda: defaultdict(list))
    views: dict[Ref, list[str]] = field(default_factory=lambda: defaultdict(list))
    later: set[Ref] = field(default_factory=set)


def lines(found: pb.GetLineageResponse, version: str, *, every_report: bool) -> Iterator[str]:
    """The tree of `<model>@<version>`, which is marked in it.

    every_report: also each drift report after which nothing happened; otherwise they are counted.
    """
    graph = _graph(found, (_VERSION, version))
    models = [graph.nodes[ref].facts for ref in graph.nodes if ref[0] == _MODEL]
    about = ", ".join(models[0][name] for name in ("task_type", "framework") if name in models[0]) if models else ""
    yield printable(f"{version} ({about})" if about else version)
    yield from _branches(graph, every_report=every_report)
    if found.truncated:
        yield "there is more, further away"


def _graph(found: pb.GetLineageResponse, asked: Ref) -> _Graph:
    graph = _Graph(asked, {(node.kind, node.id): node for node in found.nodes})
    for edge in found.edges:
        source, target = (edge.from_kind, edge.from_id), (edge.to_kind, edge.to_id)
        if edge.relation in _LEADS:
            graph.after[source].append(target)
            graph.later.add(target)
        elif edge.relation == pb.LINEAGE_RELATION_PART_OF:
            graph.parts[target].append(source)
            graph.later.add(source)
        elif edge.relation == pb.LINEAGE_RELATION_READ_BY:
            graph.views[target].append(edge.from_id)
    return graph


def _branches(graph: _Graph, *, every_report: bool) -> Iterator[str]:
    roots = [ref for ref in graph.nodes if ref not in graph.later and ref[0] not in {_DATA, _MODEL}]
    # Nothing leads to a root. Where everything leads to everything, it starts with what was asked for.
    waiting = _level(_entries(graph, roots or [graph.asked], every_report=every_report), "")
    printed: set[Ref] = set()
    while waiting:
        entry, before, last = waiting.pop()
        known = entry.ref in printed
        yield f"{before}{'└─' if last else '├─'} {entry.text}{' (see above)' if known else ''}"
        if entry.ref is not None and not known:
            printed.add(entry.ref)
            below = _entries(graph, graph.after[entry.ref], every_report=every_report)
            waiting += _level(below, f"{before}{'   ' if last else '│  '}")


def _level(entries: Sequence[_Entry], before: str) -> list[tuple[_Entry, str, bool]]:
    """In the order of a stack: the first is taken first."""
    return [(entry, before, place == 0) for place, entry in enumerate(reversed(entries))]


def _entries(graph: _Graph, refs: Sequence[Ref], *, every_report: bool) -> list[_Entry]:
    """These nodes, each run with the data it read above it."""
    entries = []
    quiet = []
    for ref in refs:
        if ref[0] == _REPORT and not graph.after[ref] and not every_report:
            quiet.append(graph.nodes[ref].facts)
            continue
        if ref[0] == _RUN:
            entries += [_Entry(text) for text in _before(graph, ref)]
        mark = "  <- this one" if ref == graph.asked else ""
        entries.append(_Entry(printable(_text(graph.nodes[ref])) + mark, ref))
    return [_Entry(_counted(quiet)), *entries] if quiet else entries


def _counted(reports: Sequence[Mapping[str, str]]) -> str:
    kinds = Counter(f"{facts.get('type', '')} {facts.get('severity', '')}".strip() for facts in reports)
    counts = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    noun = "drift report" if len(reports) == 1 else "drift reports"
    return printable(f"{len(reports)} {noun} after which nothing was started: {counts} (--reports shows each)")


def _before(graph: _Graph, run: Ref) -> list[str]:
    """What a run and the tracked runs within it read; then these runs."""
    runs = [run, *graph.parts[run]]
    read = {printable(_data(graph.nodes[each].facts, view)): None for each in runs for view in graph.views[each]}
    tracked = [printable(_text(graph.nodes[part])).replace("run ", "tracked run ", 1) for part in graph.parts[run]]
    return [*read, *tracked]


def _data(facts: Mapping[str, str], view: str) -> str:
    """`data flights  as_of 2013-03-01T00:00:00Z  known_as_of ...`"""
    words = facts.get(f"{_READ}{view}", "").replace("+00:00", "Z").split()
    asked = [" ".join(words[place : place + 2]) for place in range(0, len(words), 2)]
    return "  ".join((f"data {view}", *asked))


def _text(node: Any) -> str:
    facts = node.facts
    match node.kind:
        case pb.LINEAGE_KIND_RUN:
            name = facts.get("pipeline") or facts.get("name") or facts.get("experiment", "")
            parts = ["run", name, facts.get("status", "")]
        case pb.LINEAGE_KIND_VERSION:
            parts = ["version", facts.get("stage", "")]
        case pb.LINEAGE_KIND_DEPLOYMENT:
            state, reason = facts.get("state", ""), facts.get("reason", "")
            parts = ["deployment", f"{state} ({reason})" if reason and state == "GONE" else state]
        case _:
            parts = ["drift report", *_report(facts)]
    parts.insert(1, node.id)
    return "  ".join([f"{parts[0]} {parts[1]}", *filter(None, parts[2:]), _local(node.first_seen_at)])


def _report(facts: Mapping[str, str]) -> list[str]:
    kind = f"{facts.get('type', '')} {facts.get('severity', '')}".strip()
    samples = f"{facts['samples']} samples" if "samples" in facts else ""
    scores = facts.get("metrics", "")
    if facts.get("type") == "PERFORMANCE":
        # A score of performance is the share of the held-out value that was lost, not the value; 0 where none is known.
        lost = ", ".join(score for score in scores.split(", ") if score and not score.endswith(" 0"))
        scores = f"lost: {lost}" if lost else ""
    return [kind, samples, scores]


def _local(moment: Timestamp) -> str:
    return local(moment.ToDatetime(UTC))
