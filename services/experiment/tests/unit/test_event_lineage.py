"""What each event tells of lineage."""

from datetime import UTC, datetime

from forgepoint.events.v1 import events_pb2 as pb
from fp_events import Event
from fp_events.message.subjects import matches
from fp_experiment.api.consumers import LINEAGE, READERS, lineage_of
from fp_experiment.domain.lineage import Kind, Ref, Relation, deployment_ref, version_ref
from google.protobuf.any_pb2 import Any
from google.protobuf.json_format import ParseDict

AT = datetime(2026, 3, 1, tzinfo=UTC)


def read(subject, payload):
    record = lineage_of(Event(subject, payload, team="alpha", resource_id="r", summary="", id="e", time=AT))
    facts = {(fact.node, fact.name): fact.value for fact in record.facts}
    return facts, [(edge.source, edge.target, edge.relation) for edge in record.edges]


def test_every_event_with_a_reader_is_consumed():
    assert all(any(matches(pattern, subject) for pattern in LINEAGE.subjects) for subject in READERS)


def test_a_payload_of_a_later_build_adds_nothing():
    assert read("fp.models.registered", Any(type_url="x/forgepoint.events.v1.Later")) == ({}, [])


def test_a_version_comes_from_its_run_and_its_model():
    payload = pb.ModelVersionCreated(model_name="late", version="2", version_id="v2", run_id="x1")
    facts, edges = read("fp.models.version.created", payload)
    assert facts[version_ref("late", "2"), "version_id"] == "v2"
    assert (Ref(Kind.RUN, "x1"), version_ref("late", "2"), Relation.PRODUCED) in edges
    assert (Ref(Kind.MODEL, "late"), version_ref("late", "2"), Relation.VERSIONED) in edges


def test_a_promotion_tells_both_stages():
    payload = pb.ModelPromoted(
        model_name="late", version="2", demoted_version="1", to_stage=pb.MODEL_STAGE_PRODUCTION, run_id="x1"
    )
    facts, _ = read("fp.models.promoted", payload)
    assert facts[version_ref("late", "2"), "stage"] == "PRODUCTION"
    assert facts[version_ref("late", "1"), "stage"] == "ARCHIVED"


def test_the_return_of_an_archived_model_is_told_of_it():
    payload = pb.ModelRestored(model_id="m", model_name="late")
    payload.restored_at.FromDatetime(AT)
    assert read("fp.models.restored", payload) == ({(Ref(Kind.MODEL, "late"), "restored_at"): AT.isoformat()}, [])


def test_drift_comes_from_a_deployment_and_a_retrain_from_the_report():
    drift = pb.ModelDriftDetected(
        model_name="late",
        model_version="1",
        report_id="w9",
        drift_type=pb.DRIFT_TYPE_PERFORMANCE,
        severity=pb.DRIFT_SEVERITY_CRITICAL,
        auto_retrain=True,
    )
    facts, edges = read("fp.models.drift.detected", drift)
    report = Ref(Kind.DRIFT_REPORT, "w9")
    assert edges == [(deployment_ref("late", "1"), report, Relation.DRIFTED)]
    assert (facts[report, "severity"], facts[report, "auto_retrain"]) == ("CRITICAL", "true")
    started = pb.PipelineStarted(execution_id="x2", triggered_by="drift-report:w9", pipeline_name="train")
    facts, edges = read("fp.pipelines.started", started)
    assert edges == [(report, Ref(Kind.RUN, "x2"), Relation.RETRAINED)]
    assert facts[Ref(Kind.RUN, "x2"), "pipeline"] == "train"


def test_an_execution_that_people_started_comes_from_nothing():
    _, edges = read("fp.pipelines.started", pb.PipelineStarted(execution_id="x2", triggered_by="ann"))
    assert edges == []


def test_a_training_step_tells_what_it_read():
    step = pb.StepCompleted(execution_id="x2", step_type=pb.STEP_TYPE_TRAIN)
    ParseDict({"inputs": [{"view": "flights", "as_of": "2013-06-01"}, {"view": "outcomes"}, "junk", {}]}, step.output)
    facts, edges = read("fp.pipelines.step.completed", step)
    assert [source.id for source, _, _ in edges] == ["flights", "outcomes"]
    assert facts[Ref(Kind.RUN, "x2"), "read.flights"] == "as_of 2013-06-01"
    step.step_type = pb.STEP_TYPE_EVALUATE
    assert read("fp.pipelines.step.completed", step) == ({}, [])


def test_what_a_step_says_in_another_shape_tells_nothing():
    step = pb.StepCompleted(execution_id="x2", step_type=pb.STEP_TYPE_TRAIN)
    ParseDict({"inputs": "flights"}, step.output)
    assert read("fp.pipelines.step.completed", step) == ({}, [])


def test_an_unknown_event_tells_nothing():
    assert read("fp.models.of.tomorrow", pb.ModelArchived()) == ({}, [])


def test_a_view_tells_how_far_it_was_written():
    facts, _ = read("fp.features.written", pb.FeaturesWritten(feature_view_name="flights", written_through_version=7))
    assert facts[Ref(Kind.DATA, "flights"), "through_version"] == "7"
    facts, _ = read("fp.features.view.defined", pb.FeatureViewDefined(feature_view_name="flights", schema_version=1))
    assert facts[Ref(Kind.DATA, "flights"), "schema_version"] == "1"


def test_a_step_that_names_data_no_view_can_be_tells_nothing_of_it():
    step = pb.StepCompleted(execution_id="x1", step_type=pb.STEP_TYPE_TRAIN)
    ParseDict({"inputs": [{"view": "a\0b"}, {"view": "v" * 300}, {"view": "flights"}, "text"]}, step.output)
    facts, edges = read("fp.pipelines.step.completed", step)
    assert [source.id for source, _, _ in edges] == ["flights"]
    assert not [name for _, name in facts if "\0" in name]


def test_an_event_of_a_kind_that_is_not_known_yet_tells_nothing():
    assert read("fp.models.renamed", pb.ModelRegistered(model_name="late")) == ({}, [])
