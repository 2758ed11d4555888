"""Steps as JSON, for the columns that hold them."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fp_pipeline.domain.definition import StepDefinition, StepType
from fp_pipeline.domain.execution import Item, Step, StepStatus
from fp_pipeline.domain.fan_out import item_of


def definition_to_json(step: StepDefinition) -> dict[str, Any]:
    return {
        "id": step.id,
        "name": step.name,
        "type": step.type,
        "depends_on": list(step.depends_on),
        "compensation_step_id": step.compensation_step_id,
        "config": step.config,
        "timeout": step.timeout,
        "max_retries": step.max_retries,
    }


def definition_from_json(content: Mapping[str, Any]) -> StepDefinition:
    return StepDefinition(
        id=content["id"],
        name=content["name"],
        type=StepType(content["type"]),
        depends_on=tuple(content["depends_on"]),
        compensation_step_id=content["compensation_step_id"],
        config=content["config"],
        timeout=content["timeout"],
        max_retries=content["max_retries"],
    )


def definitions_to_text(steps: tuple[StepDefinition, ...]) -> str:
    return json.dumps([definition_to_json(step) for step in steps])


def definitions_from_text(text: str) -> tuple[StepDefinition, ...]:
    return tuple(definition_from_json(each) for each in json.loads(text))


def state_to_text(step: Step) -> str:
    """What changes of a step; its definition is kept with the pipeline."""
    item = step.item
    part = {"item": {"parent": item.parent, "index": item.index, "value": item.value}} if item else {}
    return json.dumps(
        {
            **part,
            "id": step.id,
            "status": step.status,
            "attempt": step.attempt,
            "undo_attempt": step.undo_attempt,
            "started_at": _time(step.started_at),
            "completed_at": _time(step.completed_at),
            "output": step.output,
            "error": step.error,
            "retry_at": _time(step.retry_at),
            **({"compute": step.compute} if step.compute else {}),
        }
    )


def state_from_json(step_id: str, content: Mapping[str, Any], definitions: Mapping[str, StepDefinition]) -> Step:
    """definitions: of the declared steps, by id."""
    item = Item(**content["item"]) if "item" in content else None
    return Step(
        id=content["id"],
        definition=item_of(definitions[item.parent], item.index) if item else definitions[step_id],
        item=item,
        status=StepStatus(content["status"]),
        attempt=content["attempt"],
        undo_attempt=content["undo_attempt"],
        started_at=_moment(content["started_at"]),
        completed_at=_moment(content["completed_at"]),
        output=content["output"],
        error=content["error"],
        retry_at=_moment(content["retry_at"]),
        compute=content.get("compute", 0.0),
    )


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
