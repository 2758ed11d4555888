"""Rows of executions and what they mean."""

import json
from collections.abc import Mapping
from typing import Any

from asyncpg import Record

from fp_pipeline.adapters.postgres.step_columns import definitions_from_text, state_from_json
from fp_pipeline.domain.definition import PipelineType, StepDefinition
from fp_pipeline.domain.execution import Cancellation, Cause, Execution, ExecutionStatus, Step, Transition

EXECUTION = """
    e.id::text, e.team, e.pipeline_id::text, e.pipeline_revision, e.pipeline_name, e.type, e.status, e.current_step,
    e.input, e.triggered_by, e.cause_event_id, e.correlation_id, e.trace, e.created_at, e.started_at, e.completed_at,
    e.error, e.failed_step, e.sequence, e.cancelled_by, e.cancel_reason
"""


def execution_from(row: Record, steps: tuple[Step, ...] = ()) -> Execution:
    asked = row["cancelled_by"] is not None
    return Execution(
        id=row["id"],
        team=row["team"],
        pipeline_id=row["pipeline_id"],
        pipeline_name=row["pipeline_name"],
        pipeline_revision=row["pipeline_revision"],
        type=PipelineType(row["type"]),
        steps=steps,
        input=json.loads(row["input"]),
        cause=Cause(
            triggered_by=row["triggered_by"],
            event_id=row["cause_event_id"],
            correlation_id=row["correlation_id"],
            trace=json.loads(row["trace"]),
        ),
        created_at=row["created_at"],
        status=ExecutionStatus(row["status"]),
        current_step=row["current_step"],
        started_at=row["started_at"],
        completed_at=row["completed_at"],
        error=row["error"],
        failed_step=row["failed_step"],
        cancellation=Cancellation(row["cancelled_by"], row["cancel_reason"]) if asked else None,
        sequence=row["sequence"],
    )


def steps_from(definitions: str, states: str) -> tuple[Step, ...]:
    """As declared, and then the items of those that fanned out. states: JSON by step id."""
    declared = {each.id: each for each in definitions_from_text(definitions)}
    by_id: dict[str, Any] = json.loads(states)
    items = [state_from_json(key, state, declared) for key, state in by_id.items() if key not in declared]
    return (
        *(state_from_json(key, by_id[key], declared) for key in declared),
        *sorted(items, key=lambda step: (step.declared_id, step.item.index if step.item else 0)),
    )


def transition_from(row: Record, definitions: Mapping[str, StepDefinition]) -> Transition:
    step_id = row["step_id"]
    return Transition(
        sequence=row["sequence"],
        status=ExecutionStatus(row["status"]),
        current_step=row["current_step"],
        error=row["error"],
        step=state_from_json(step_id, json.loads(row["state"]), definitions) if step_id else None,
        at=row["at"],
    )
