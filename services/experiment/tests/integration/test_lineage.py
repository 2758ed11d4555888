"""Lineage, in the database."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from fp_experiment.app.ports import LineageEntry
from fp_experiment.domain.lineage import (
    Edge,
    Kind,
    LineageRecord,
    Ref,
    Relation,
    deployment_ref,
    facts,
    version_ref,
)
from fp_experiment.domain.runs import DataInput, RunStatus
from fp_kernel import NotFound, new_id

AT = datetime(2026, 3, 1, tzinfo=UTC)
V1, V2 = version_ref("late", "1"), version_ref("late", "2")
D1, D2 = deployment_ref("late", "1"), deployment_ref("late", "2")
VIEW, OTHER = Ref(Kind.DATA, "flights"), Ref(Kind.VERSION, "other@1")
X1, X2, X3 = (Ref(Kind.RUN, f"x{n}") for n in (1, 2, 3))
REPORT = Ref(Kind.DRIFT_REPORT, "w9")

CHAIN = (
    (VIEW, X1, Relation.READ_BY),
    (X1, V1, Relation.PRODUCED),
    (V1, D1, Relation.DEPLOYED),
    (D1, REPORT, Relation.DRIFTED),
    (REPORT, X2, Relation.RETRAINED),
    (VIEW, X2, Relation.READ_BY),
    (X2, V2, Relation.PRODUCED),
    (V2, D2, Relation.DEPLOYED),
    # Another model of the same data.
    (VIEW, X3, Relation.READ_BY),
    (X3, OTHER, Relation.PRODUCED),
)


def records(team="alpha"):
    entries = [
        LineageEntry(
            team, new_id(), LineageRecord(facts(target, at, seen=n), [Edge(source, target, relation, at, new_id())])
        )
        for n, (source, target, relation) in enumerate(CHAIN)
        for at in (AT + timedelta(minutes=n),)
    ]
    return [*entries, LineageEntry(team, new_id(), LineageRecord(facts(V1, AT, stage="DEV")))]


async def refs(desk, version="1"):
    return {node.ref for node in (await desk.do.queries.lineage("alpha", "late", version)).nodes}


async def test_a_version_shows_what_it_came_from_and_what_came_of_it(desk, writer):
    await writer.write(records())
    assert await refs(desk) == {VIEW, X1, V1, D1, REPORT, X2, V2, D2}
    assert await refs(desk, "2") == {VIEW, X1, V1, D1, REPORT, X2, V2, D2}
    found = await desk.do.queries.lineage("alpha", "late", "1")
    assert [node.ref for node in found.nodes] == [VIEW, X1, V1, D1, REPORT, X2, V2, D2]
    assert {(edge.source, edge.target, edge.relation) for edge in found.edges} == set(CHAIN[:8])
    assert not found.truncated


async def test_what_else_came_of_the_same_data_is_not_its_lineage(desk, writer):
    await writer.write(records())
    assert not {X3, OTHER} & await refs(desk)


async def test_the_order_and_number_of_deliveries_change_nothing(desk, writer):
    entries = records()
    late = [
        LineageEntry("alpha", new_id(), LineageRecord(facts(V1, AT + timedelta(hours=hour), stage=stage)))
        for hour, stage in enumerate(("STAGING", "PRODUCTION", "ARCHIVED"))
    ]
    deliveries = [*entries, *late, *entries, *late]
    random.Random(7).shuffle(deliveries)  # noqa: S311 -- only an order
    for start in range(0, len(deliveries), 4):
        await writer.write(deliveries[start : start + 4])
    found = await desk.do.queries.lineage("alpha", "late", "1")
    (version,) = (node for node in found.nodes if node.ref == V1)
    assert version.facts["stage"] == "ARCHIVED"
    assert version.first_seen_at == AT
    assert await desk.count("fp_inbox") == len(entries) + len(late)
    assert await desk.count("lineage_edges") == len(CHAIN)


async def test_an_event_that_comes_again_tells_nothing_new(writer):
    (entries, *_) = records()
    assert await writer.write([entries, entries]) == [2, 2]
    assert await writer.write([entries]) == [0]


async def test_a_circle_ends(desk, writer):
    await writer.write(records())
    back = LineageRecord((), [Edge(D2, REPORT, Relation.DRIFTED, AT, new_id())])
    await writer.write([LineageEntry("alpha", new_id(), back)])
    assert V2 in await refs(desk)


async def test_a_long_lineage_is_cut_at_its_far_end(desk, writer, reads):
    await writer.write(records())
    found = await reads.lineage("alpha", V1, 3)
    assert found.truncated
    assert V1 in {node.ref for node in found.nodes}
    assert REPORT not in {node.ref for node in found.nodes}


async def test_another_teams_lineage_is_not_there(desk, writer):
    await writer.write(records("beta"))
    with pytest.raises(NotFound):
        await desk.do.queries.lineage("alpha", "late", "1")


async def test_a_run_tells_what_it_read_and_which_execution_it_is_part_of(desk, writer):
    read = DataInput("flights", AT, AT + timedelta(days=1))
    run = await desk.run(inputs=[read], execution_id="x1")
    made = LineageRecord(facts(V1, AT, stage="DEV"), [Edge(X1, V1, Relation.PRODUCED, AT, new_id())])
    await writer.write([LineageEntry("alpha", new_id(), made)])
    await desk.do.update_run_status(run.id, RunStatus.FINISHED, desk.ann, desk.no_key)
    found = await desk.do.queries.lineage("alpha", "late", "1")
    tracked = Ref(Kind.RUN, run.id)
    assert {node.ref for node in found.nodes} == {VIEW, tracked, X1, V1}
    (node,) = (node for node in found.nodes if node.ref == tracked)
    assert node.facts["status"] == "FINISHED"
    assert node.facts["read.flights"].startswith("as_of 2026-03-01")
    assert (await desk.do.queries.run("alpha", run.id)).inputs == (read,)
