"""Lineage in events, one function a type."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from forgepoint.events.v1 import events_pb2 as pb
from fp_events import Event
from fp_kernel.texts import is_text
from google.protobuf.json_format import MessageToDict
from google.protobuf.timestamp_pb2 import Timestamp

from fp_experiment.domain.lineage import Edge, Kind, LineageRecord, Ref, Relation, deployment_ref, facts, version_ref
from fp_experiment.domain.text import MAX_NAME

# How a pipeline's execution that a drift report caused says so.
_RETRAIN: Final = re.compile(r"drift-report:(\S+)")
MAX_INPUTS: Final = 32
MAX_METRICS: Final = 5

_NOTHING: Final = LineageRecord()


def registered(event: Event, model: pb.ModelRegistered) -> LineageRecord:
    node = Ref(Kind.MODEL, model.model_name)
    return LineageRecord(
        facts(node, event.time, model_id=model.model_id, task_type=model.task_type, framework=model.framework)
    )


def created(event: Event, version: pb.ModelVersionCreated) -> LineageRecord:
    node = version_ref(version.model_name, version.version)
    found = facts(node, event.time, version_id=version.version_id, created_by=version.created_by, stage="DEV")
    edges = [Edge(Ref(Kind.MODEL, version.model_name), node, Relation.VERSIONED, event.time, event.id)]
    return LineageRecord(found, [*edges, *_made(event, version.run_id, node)])


def ready(event: Event, version: pb.ModelVersionReady) -> LineageRecord:
    node = version_ref(version.model_name, version.version)
    found = facts(node, event.time, version_id=version.version_id, digest=version.artifact_digest)
    return LineageRecord(found, _made(event, version.run_id, node))


def promoted(event: Event, version: pb.ModelPromoted) -> LineageRecord:
    node = version_ref(version.model_name, version.version)
    stage = pb.ModelStage.Name(version.to_stage).removeprefix("MODEL_STAGE_")
    found = facts(node, event.time, version_id=version.version_id, stage=stage, promoted_by=version.promoted_by)
    if version.demoted_version:
        found += facts(version_ref(version.model_name, version.demoted_version), event.time, stage="ARCHIVED")
    return LineageRecord(found, _made(event, version.run_id, node))


def archived(event: Event, model: pb.ModelArchived) -> LineageRecord:
    return LineageRecord(facts(Ref(Kind.MODEL, model.model_name), event.time, archived_at=_moment(model.archived_at)))


def restored(event: Event, model: pb.ModelRestored) -> LineageRecord:
    """The fact of the archive stays: the later of the two says what the state is."""
    return LineageRecord(facts(Ref(Kind.MODEL, model.model_name), event.time, restored_at=_moment(model.restored_at)))


def drifted(event: Event, drift: pb.ModelDriftDetected) -> LineageRecord:
    node = Ref(Kind.DRIFT_REPORT, drift.report_id)
    found = facts(
        node,
        event.time,
        type=pb.DriftType.Name(drift.drift_type).removeprefix("DRIFT_TYPE_"),
        severity=pb.DriftSeverity.Name(drift.severity).removeprefix("DRIFT_SEVERITY_"),
        window_start=_moment(drift.window_start),
        window_end=_moment(drift.window_end),
        samples=drift.sample_count,
        metrics=", ".join(map(_drift, drift.metrics[:MAX_METRICS])),
        auto_retrain=drift.auto_retrain,
        retrain_pipeline_id=drift.retrain_pipeline_id,
    )
    deployment = deployment_ref(drift.model_name, drift.model_version)
    return LineageRecord(found, [Edge(deployment, node, Relation.DRIFTED, event.time, event.id)])


def deployed(event: Event, version: pb.ModelDeployed) -> LineageRecord:
    node = deployment_ref(version.model_name, version.version)
    found = facts(
        node,
        event.time,
        state="LIVE",
        version_id=version.version_id,
        execution_id=version.execution_id,
        deployed_at=_moment(version.deployed_at),
    )
    source = version_ref(version.model_name, version.version)
    return LineageRecord(found, [Edge(source, node, Relation.DEPLOYED, event.time, event.id)])


def undeployed(event: Event, version: pb.ModelUndeployed) -> LineageRecord:
    node = deployment_ref(version.model_name, version.version)
    ended = _moment(version.undeployed_at)
    return LineageRecord(facts(node, event.time, state="GONE", undeployed_at=ended, reason=version.reason))


def started(event: Event, started: pb.PipelineStarted) -> LineageRecord:
    node = Ref(Kind.RUN, started.execution_id)
    found = facts(
        node,
        event.time,
        pipeline=started.pipeline_name,
        pipeline_id=started.pipeline_id,
        pipeline_type=pb.PipelineType.Name(started.pipeline_type).removeprefix("PIPELINE_TYPE_"),
        triggered_by=started.triggered_by,
        status="RUNNING",
    )
    report = _RETRAIN.fullmatch(started.triggered_by)
    cause = [Ref(Kind.DRIFT_REPORT, report[1])] if report else []
    return LineageRecord(found, [Edge(source, node, Relation.RETRAINED, event.time, event.id) for source in cause])


def step(event: Event, step: pb.StepCompleted) -> LineageRecord:
    """A training step may say in its output which feature views it read."""
    if step.step_type != pb.STEP_TYPE_TRAIN or "inputs" not in step.output.fields:
        return _NOTHING
    reads = [MessageToDict(value.struct_value) for value in step.output.fields["inputs"].list_value.values]
    node = Ref(Kind.RUN, step.execution_id)
    # A job writes this; a name that no view can have would come back as a failure for ever.
    views = [(str(read.get("view") or ""), read) for read in reads[:MAX_INPUTS]]
    found = {view: _asked(read) for view, read in views if view and len(view) <= MAX_NAME and is_text(view)}
    return LineageRecord(
        facts(node, event.time, **{f"read.{view}": asked for view, asked in found.items()}),
        [Edge(Ref(Kind.DATA, view), node, Relation.READ_BY, event.time, event.id) for view in found],
    )


def ended(event: Event, ended: pb.PipelineCompleted | pb.PipelineFailed) -> LineageRecord:
    failed = isinstance(ended, pb.PipelineFailed)
    node = Ref(Kind.RUN, ended.execution_id)
    status = "FAILED" if failed else "FINISHED"
    return LineageRecord(
        facts(node, event.time, pipeline=ended.pipeline_name, pipeline_id=ended.pipeline_id, status=status)
    )


def defined(event: Event, view: pb.FeatureViewDefined) -> LineageRecord:
    node = Ref(Kind.DATA, view.feature_view_name)
    return LineageRecord(facts(node, event.time, view_id=view.feature_view_id, schema_version=view.schema_version))


def written(event: Event, written: pb.FeaturesWritten) -> LineageRecord:
    node = Ref(Kind.DATA, written.feature_view_name)
    through, at = written.written_through_version, _moment(written.written_at)
    return LineageRecord(
        facts(node, event.time, view_id=written.feature_view_id, through_version=through, written_at=at)
    )


def _made(event: Event, run_id: str, version: Ref) -> list[Edge]:
    return [Edge(Ref(Kind.RUN, run_id), version, Relation.PRODUCED, event.time, event.id)] if run_id else []


def _drift(metric: pb.DriftMetric) -> str:
    method = pb.DriftMethod.Name(metric.method).removeprefix("DRIFT_METHOD_").replace("UNSPECIFIED", "")
    return " ".join(filter(None, (metric.name, method, f"{metric.score:.4g}")))


def _asked(read: Mapping[str, Any]) -> str:
    return " ".join(f"{name} {read[name]}" for name in ("as_of", "known_as_of") if read.get(name)) or "latest"


def _moment(stamp: Timestamp) -> datetime | None:
    try:
        return stamp.ToDatetime(tzinfo=UTC) if stamp.seconds or stamp.nanos else None
    except (ValueError, OverflowError):
        return None
