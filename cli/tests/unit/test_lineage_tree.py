from datetime import UTC, datetime, timedelta

import pytest
from forgepoint.experiment.v1 import experiment_pb2 as pb
from fp_cli import cells, lineage_tree

AT = datetime(2026, 3, 1, tzinfo=UTC)
ASKED = "as_of 2013-03-01T00:00:00+00:00 known_as_of 2013-03-01T00:00:00+00:00"
LATER = "as_of 2013-07-01T00:00:00+00:00 known_as_of 2013-07-01T00:00:00+00:00"
# Nothing is known to be lost of accuracy.
LOST = "accuracy 0, auc 0.11"
CHAIN = (
    ("MODEL late", "VERSIONED", "VERSION late@1"),
    ("DATA flights", "READ_BY", "RUN x1"),
    ("RUN x1", "PRODUCED", "VERSION late@1"),
    ("VERSION late@1", "DEPLOYED", "DEPLOYMENT late@1"),
    ("DEPLOYMENT late@1", "DRIFTED", "DRIFT_REPORT r1"),
    ("DEPLOYMENT late@1", "DRIFTED", "DRIFT_REPORT r2"),
    ("DRIFT_REPORT r2", "RETRAINED", "RUN x2"),
    ("DATA flights", "READ_BY", "RUN x2"),
    ("RUN x2", "PRODUCED", "VERSION late@2"),
    ("MODEL late", "VERSIONED", "VERSION late@2"),
)
FACTS = {
    "MODEL late": {"task_type": "classification", "framework": "onnx"},
    "RUN x1": {"pipeline": "training", "status": "FINISHED", "read.flights": ASKED},
    "RUN x2": {"pipeline": "retrain", "status": "FINISHED", "read.flights": LATER},
    "RUN tracked": {"name": "fit", "status": "FINISHED", "read.flights": ASKED},
    "VERSION late@1": {"stage": "ARCHIVED"},
    "VERSION late@2": {"stage": "PRODUCTION"},
    "DEPLOYMENT late@1": {"state": "GONE", "reason": "superseded"},
    "DRIFT_REPORT r1": {"type": "DATA", "severity": "WARNING", "samples": "1500", "metrics": "temp PSI 0.3"},
    "DRIFT_REPORT r2": {"type": "PERFORMANCE", "severity": "CRITICAL", "samples": "1400", "metrics": LOST},
}


def ref(text):
    kind, _, node = text.partition(" ")
    return pb.LineageKind.Value(f"LINEAGE_KIND_{kind}"), node


def found(chain=CHAIN, *, truncated=False):
    """The lineage of a chain, each link a minute after the one before."""
    answer = pb.GetLineageResponse(truncated=truncated)
    for text in dict.fromkeys(node for link in chain for node in (link[0], link[2])):
        kind, node = ref(text)
        answer.nodes.add(kind=kind, id=node, facts=FACTS.get(text, {})).first_seen_at.FromDatetime(AT)
    for minute, (source, relation, target) in enumerate(chain):
        (from_kind, from_id), (to_kind, to_id) = ref(source), ref(target)
        edge = answer.edges.add(from_kind=from_kind, from_id=from_id, to_kind=to_kind, to_id=to_id)
        edge.relation = pb.LineageRelation.Value(f"LINEAGE_RELATION_{relation}")
        edge.occurred_at.FromDatetime(AT + timedelta(minutes=minute))
    return answer


def drawn(answer, version="late@1", *, every_report=False):
    """Lines without the time that each node ends with."""
    lines = lineage_tree.lines(answer, version, every_report=every_report)
    return [line.replace(f"  {cells.local(AT)}", "") for line in lines]


def test_a_chain_is_told_from_its_data_to_the_next_version():
    assert drawn(found()) == [
        "late@1 (classification, onnx)",
        "├─ data flights  as_of 2013-03-01T00:00:00Z  known_as_of 2013-03-01T00:00:00Z",
        "└─ run x1  training  FINISHED",
        "   └─ version late@1  ARCHIVED  <- this one",
        "      └─ deployment late@1  GONE (superseded)",
        "         ├─ 1 drift report after which nothing was started: 1 DATA WARNING (--reports shows each)",
        "         └─ drift report r2  PERFORMANCE CRITICAL  1400 samples  lost: auc 0.11",
        "            ├─ data flights  as_of 2013-07-01T00:00:00Z  known_as_of 2013-07-01T00:00:00Z",
        "            └─ run x2  retrain  FINISHED",
        "               └─ version late@2  PRODUCTION",
    ]


def test_every_report_is_told_when_asked_for():
    assert "         ├─ drift report r1  DATA WARNING  1500 samples  temp PSI 0.3" in drawn(found(), every_report=True)


def test_the_version_that_was_asked_for_is_marked():
    assert drawn(found(), "late@2")[-1].endswith("version late@2  PRODUCTION  <- this one")


def test_tracked_runs_stand_above_their_execution_with_what_they_read():
    chain = (
        ("DATA flights", "READ_BY", "RUN tracked"),
        ("RUN tracked", "PART_OF", "RUN x1"),
        ("DATA flights", "READ_BY", "RUN x1"),
        ("RUN x1", "PRODUCED", "VERSION late@1"),
    )

    assert drawn(found(chain))[1:] == [
        "├─ data flights  as_of 2013-03-01T00:00:00Z  known_as_of 2013-03-01T00:00:00Z",
        "├─ tracked run tracked  fit  FINISHED",
        "└─ run x1  training  FINISHED",
        "   └─ version late@1  ARCHIVED  <- this one",
    ]


@pytest.mark.parametrize(
    "chain",
    [
        (("VERSION late@1", "DEPLOYED", "DEPLOYMENT late@1"), ("DEPLOYMENT late@1", "DRIFTED", "VERSION late@1")),
        (("MODEL late", "VERSIONED", "VERSION late@1"),),
    ],
)
def test_a_circle_and_a_version_alone_end(chain):
    lines = drawn(found(chain))

    assert "<- this one" in lines[1]
    assert len(lines) <= 4


def test_what_two_runs_made_is_told_once():
    chain = (
        ("RUN x1", "PRODUCED", "VERSION late@1"),
        ("RUN x2", "PRODUCED", "VERSION late@1"),
        ("VERSION late@1", "DEPLOYED", "DEPLOYMENT late@1"),
    )
    lines = drawn(found(chain))

    assert lines[-1] == "   └─ version late@1  ARCHIVED  <- this one (see above)"
    assert sum("deployment" in line for line in lines) == 1


def test_it_says_when_there_is_more():
    assert drawn(found(truncated=True))[-1] == "there is more, further away"


def test_a_chain_of_a_thousand_nodes_is_drawn():
    chain = [(f"RUN n{place}", "PRODUCED", f"RUN n{place + 1}") for place in range(999)]

    assert len(drawn(found(chain))) == 1001
