"""Domain events as messages of the bus."""

from forgepoint.events.v1 import events_pb2
from fp_events import Event, Severity
from fp_rpc.times import to_timestamp

from fp_experiment.domain.events import DomainEvent, RunCreated, RunFinished
from fp_experiment.domain.runs import Run, RunStatus

RUN_CREATED = "fp.experiments.run.created"
RUN_FINISHED = "fp.experiments.run.finished"

_STATUSES = {status: events_pb2.RunStatus.Value(f"RUN_STATUS_{status}") for status in RunStatus}
_SEVERITIES = {RunStatus.FAILED: Severity.ERROR, RunStatus.KILLED: Severity.WARNING}


def to_event(event: DomainEvent) -> Event:
    match event:
        case RunCreated(run):
            return _created(run)
        case RunFinished(run, actor):
            return _finished(run, actor)


def _created(run: Run) -> Event:
    payload = events_pb2.RunCreated(
        run_id=run.id,
        experiment_id=run.experiment_id,
        model_version_id=run.model_version_id,
        display_name=run.display_name,
        started_at=to_timestamp(run.started_at),
    )
    summary = f"Run {_name(run)} started."
    return Event(RUN_CREATED, payload, team=run.team, resource_id=run.id, summary=summary, actor=run.owner_id)


def _finished(run: Run, actor: str) -> Event:
    payload = events_pb2.RunFinished(
        run_id=run.id,
        experiment_id=run.experiment_id,
        model_version_id=run.model_version_id,
        status=_STATUSES[run.status],
        final_metrics=[
            events_pb2.MetricPoint(key=point.key, value=point.value, step=point.step, timestamp=to_timestamp(point.at))
            for point in run.final_metrics
        ],
        ended_at=to_timestamp(run.ended_at or run.started_at),
    )
    return Event(
        RUN_FINISHED,
        payload,
        team=run.team,
        resource_id=run.id,
        summary=f"Run {_name(run)} ended: {run.status}.",
        actor=actor,
        severity=_SEVERITIES.get(run.status, Severity.INFO),
    )


def _name(run: Run) -> str:
    return run.display_name or run.id
