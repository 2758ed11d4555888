"""Domain events as events of the bus."""

from typing import Any

from forgepoint.common.v1 import model_pb2
from forgepoint.events.v1 import events_pb2
from fp_events import Event, Severity
from fp_rpc.times import to_duration, to_timestamp
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct

from fp_pipeline.domain import events
from fp_pipeline.domain.definition import JOB_STEPS, PipelineType, StepType
from fp_pipeline.domain.deployment import Deployment, UndeployReason

_SOURCE_ACTOR = "pipeline"


def to_event(event: events.Event) -> Event:
    match event:
        case events.ModelDeployed():
            return _deployed(event)
        case events.ModelUndeployed():
            return _undeployed(event)
        case events.ExecutionStarted() | events.ExecutionCompleted() | events.ExecutionFailed():
            return _execution(event)
        case events.StepCompleted() | events.StepFailed() | events.CompensationTriggered():
            return _step(event)


def _execution(event: events.ExecutionStarted | events.ExecutionCompleted | events.ExecutionFailed) -> Event:
    origin = event.origin
    common: dict[str, Any] = {
        "execution_id": origin.execution_id,
        "pipeline_id": origin.pipeline_id,
        "pipeline_type": _pipeline_type(origin.pipeline_type),
        "pipeline_name": origin.pipeline_name,
    }
    match event:
        case events.ExecutionStarted():
            started = events_pb2.PipelineStarted(**common, triggered_by=origin.actor, started_at=to_timestamp(event.at))
            return _event("fp.pipelines.started", event, started, f"Pipeline {origin.pipeline_name} started.")
        case events.ExecutionCompleted():
            completed = events_pb2.PipelineCompleted(
                **common, duration=to_duration(event.duration), completed_at=to_timestamp(event.at)
            )
            return _event("fp.pipelines.completed", event, completed, f"Pipeline {origin.pipeline_name} completed.")
        case events.ExecutionFailed():
            failed = events_pb2.PipelineFailed(
                **common,
                failed_step_id=event.failed_step,
                error=event.error,
                compensation_failed=event.compensation_failed,
                failed_at=to_timestamp(event.at),
            )
            verb = "was cancelled" if event.cancelled else "failed"
            severity = Severity.WARNING if event.cancelled else Severity.ERROR
            if event.compensation_failed:
                severity = Severity.CRITICAL
            summary = f"Pipeline {origin.pipeline_name} {verb}: {event.error}"
            return _event("fp.pipelines.failed", event, failed, summary, severity)


def _step(event: events.StepCompleted | events.StepFailed | events.CompensationTriggered) -> Event:
    origin = event.origin
    common: dict[str, Any] = {"execution_id": origin.execution_id, "pipeline_id": origin.pipeline_id}
    match event:
        case events.StepCompleted():
            output = Struct()
            output.update(dict(event.output))
            completed = events_pb2.StepCompleted(
                **common,
                step_id=event.step_id,
                step_type=_step_type(event.step_type),
                output=output,
                completed_at=to_timestamp(event.at),
                **_step_facts(event),
            )
            summary = f"Step {event.step_id} of {origin.pipeline_name} completed."
            return _event("fp.pipelines.step.completed", event, completed, summary)
        case events.StepFailed():
            failed = events_pb2.StepFailed(
                **common,
                step_id=event.step_id,
                step_type=_step_type(event.step_type),
                error=event.error,
                attempts=event.attempts,
                failed_at=to_timestamp(event.at),
                **_step_facts(event),
            )
            verb = "was stopped" if event.cancelled else "failed"
            severity = Severity.INFO if event.cancelled else Severity.WARNING
            summary = f"Step {event.step_id} of {origin.pipeline_name} {verb}: {event.error}"
            return _event("fp.pipelines.step.failed", event, failed, summary, severity)
        case events.CompensationTriggered():
            triggered = events_pb2.CompensationTriggered(
                **common,
                failed_step_id=event.failed_step,
                compensating_step_ids=event.compensating,
                triggered_at=to_timestamp(event.at),
            )
            summary = f"Pipeline {origin.pipeline_name} undoes {len(event.compensating)} steps."
            return _event("fp.pipelines.compensation.triggered", event, triggered, summary, Severity.WARNING)


def _step_facts(event: events.StepCompleted | events.StepFailed) -> dict[str, Any]:
    return {
        "compute": to_duration(event.compute) if event.step_type in JOB_STEPS else None,
        "pipeline_type": _pipeline_type(event.origin.pipeline_type),
        "pipeline_name": event.origin.pipeline_name,
    }


def _deployed(event: events.ModelDeployed) -> Event:
    deployment = event.deployment
    payload = events_pb2.ModelDeployed(
        **_version(deployment),
        endpoint=deployment.endpoint,
        weight_bps=deployment.weight_bps,
        deployed_at=to_timestamp(deployment.deployed_at),
        signature=model_pb2.Signature.FromString(deployment.signature) if deployment.signature else None,
        artifact_digest=deployment.artifact_digest,
    )
    summary = f"Version {deployment.version} of {deployment.model_name} is deployed."
    return _model("fp.pipelines.model.deployed", event, payload, summary)


def _undeployed(event: events.ModelUndeployed) -> Event:
    deployment = event.deployment
    payload = events_pb2.ModelUndeployed(
        **_version(deployment), reason=event.reason, undeployed_at=to_timestamp(event.at)
    )
    why = f"{event.reason}: {event.detail}" if event.detail else event.reason
    summary = f"Version {deployment.version} of {deployment.model_name} is no longer deployed: {why}."
    severity = Severity.ERROR if event.reason is UndeployReason.OBJECTIVE else Severity.INFO
    return _model("fp.pipelines.model.undeployed", event, payload, summary, severity)


def _version(deployment: Deployment) -> dict[str, str]:
    return {
        "model_id": deployment.model_id,
        "model_name": deployment.model_name,
        "version_id": deployment.version_id,
        "version": deployment.version,
        "execution_id": deployment.execution_id,
    }


def _event(
    subject: str, event: events.ExecutionEvent, payload: Message, summary: str, severity: Severity = Severity.INFO
) -> Event:
    return Event(
        type=subject,
        payload=payload,
        team=event.origin.team,
        resource_id=event.origin.execution_id,
        summary=summary,
        actor=event.origin.actor,
        severity=severity,
        time=event.at,
    )


def _model(
    subject: str,
    event: events.ModelDeployed | events.ModelUndeployed,
    payload: Message,
    summary: str,
    severity: Severity = Severity.INFO,
) -> Event:
    """Counted per version: whoever routes compares the sequence of each target by itself."""
    return Event(
        type=subject,
        payload=payload,
        team=event.deployment.team,
        resource_id=event.deployment.version_id,
        summary=summary,
        actor=event.actor or _SOURCE_ACTOR,
        severity=severity,
        time=event.at,
    )


def _pipeline_type(kind: PipelineType) -> events_pb2.PipelineType.ValueType:
    return events_pb2.PipelineType.Value(f"PIPELINE_TYPE_{kind}")


def _step_type(kind: StepType) -> events_pb2.StepType.ValueType:
    return events_pb2.StepType.Value(f"STEP_TYPE_{kind}")
