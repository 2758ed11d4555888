"""A step that fans out: one item of work for each entry of a list, each with attempts of its own, and their join.

The items are steps of the execution like others, but outside only their parent is seen: in events, as failed step,
and by what children wait for.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from fp_pipeline.domain import config, forward
from fp_pipeline.domain.config import JobConfig
from fp_pipeline.domain.definition import FAN_OUT, JsonObject, StepDefinition
from fp_pipeline.domain.execution import Execution, Item, Step, StepStatus
from fp_pipeline.domain.fan_out_config import MAX_ITEMS, FanOut, OnItemFailure
from fp_pipeline.domain.json_values import MAX_JSON_BYTES
from fp_pipeline.domain.progress import Progress, joined, moved

MAX_ITEM_BYTES = 4 * 1_024
"""Bound of the result of one item: an execution of the most items still fits one message."""

_FAILED = frozenset({StepStatus.FAILED, StepStatus.COMPENSATION_FAILED})


def advance(execution: Execution, now: datetime) -> Progress | None:
    """The next consequence of what is known about steps that fan out, while the execution runs."""
    for step in execution.declared:
        progress = _follow(execution, step, now) if step.definition.fans_out else None
        if progress is not None:
            return progress
    return None


def ready(execution: Execution, now: datetime) -> list[Step]:
    """Items that may start now."""
    found: list[Step] = []
    for parent in execution.declared:
        if not parent.definition.fans_out or parent.status is not StepStatus.RUNNING:
            continue
        items = execution.items(parent.step_id)
        room = (_read(parent).parallelism or MAX_ITEMS) - sum(item.status is StepStatus.RUNNING for item in items)
        waiting = [item for item in items if item.status is StepStatus.PENDING and not item.waits(now)]
        found += waiting[: max(room, 0)]
    return found


def item_of(parent: StepDefinition, index: int) -> StepDefinition:
    """What an item does: what its parent says, once. The dot cannot be part of a declared id."""
    own = {key: value for key, value in parent.config.items() if key != FAN_OUT}
    return replace(parent, id=f"{parent.id}.{index}", depends_on=(), config=own)


def _follow(execution: Execution, step: Step, now: datetime) -> Progress | None:
    if step.status is StepStatus.RUNNING:
        return _gather(execution, step, now)
    if step.status is not StepStatus.PENDING or execution.cancellation is not None:
        return None
    parents = map(execution.step, step.definition.depends_on)
    return _spread(execution, step, now) if all(each.status is StepStatus.COMPLETED for each in parents) else None


def _spread(execution: Execution, step: Step, now: datetime) -> Progress:
    started = forward.start(execution, step.step_id, now)
    entries = _entries(execution, _read(step))
    if isinstance(entries, str):
        return joined(started, forward.fail(started.execution, step.step_id, entries, now))
    if not entries:
        return joined(started, forward.complete(started.execution, step.step_id, _summary(()), now))
    return joined(started, moved(started.execution, [_item(step, *entry) for entry in enumerate(entries)], now))


def _item(parent: Step, index: int, value: Any) -> Step:
    return Step(
        # Derived, so that the same expansion has the same ids.
        id=str(uuid5(UUID(parent.id), str(index))),
        definition=item_of(parent.definition, index),
        item=Item(parent.step_id, index, value),
    )


def _entries(execution: Execution, fan_out: FanOut) -> Sequence[Any] | str:
    """The list, or why there is none."""
    if fan_out.items is not None:
        found: Any = fan_out.items
        where = "fan_out.items"
    elif fan_out.output is not None:
        step_id, key = fan_out.output
        found = execution.step(step_id).output.get(key)
        where = f"'{key}' in the output of '{step_id}'"
    else:
        found = execution.input.get(fan_out.given)
        where = f"input.{fan_out.given}"
    if not isinstance(found, list | tuple):
        return f"{where} is no list"
    there = sum(step.item is not None for step in execution.steps)
    if there + len(found) > MAX_ITEMS:
        return f"{where} has {len(found)} items; an execution has at most {MAX_ITEMS}"
    return found


def _gather(execution: Execution, step: Step, now: datetime) -> Progress | None:
    """Skip what must not start any more, and join when every item has ended."""
    items, policy = execution.items(step.step_id), _read(step).on_failure
    failed = [item for item in items if item.status in _FAILED]
    pending = [item for item in items if item.status is StepStatus.PENDING]
    cancelled = execution.cancellation is not None
    if pending and (cancelled or (failed and policy is OnItemFailure.STOP)):
        why = "cancelled" if cancelled else "an item before it failed"
        return moved(execution, [_skipped(item, why, now) for item in pending], now)
    if pending or any(item.status is StepStatus.RUNNING for item in items):
        return None
    execution = forward.metered(execution, step.step_id, sum(item.compute for item in items))
    if cancelled and any(item.status is not StepStatus.COMPLETED for item in items):
        return forward.stop(execution, step.step_id, now)
    if failed and (policy is not OnItemFailure.TOLERATE or len(failed) == len(items)):
        text = f"{len(failed)} of {len(items)} items failed; '{failed[0].step_id}': {failed[0].error}"
        return forward.fail(execution, step.step_id, text, now)
    return forward.complete(execution, step.step_id, _summary(items), now)


def _skipped(item: Step, why: str, now: datetime) -> Step:
    return replace(item, status=StepStatus.SKIPPED, output={"skipped": why}, completed_at=now, retry_at=None)


def _summary(items: Sequence[Step]) -> JsonObject:
    """The output of the step: results in the order of the list, null for an item that failed."""
    done = [item for item in items if item.status is StepStatus.COMPLETED]
    counts = {"items": len(items), "completed": len(done)}
    failed = [item.item.index for item in items if item.status in _FAILED and item.item]
    results = [item.output if item.status is StepStatus.COMPLETED else None for item in items]
    whole: Mapping[str, Any] = {**counts, "failed": failed, "results": results}
    if len(json.dumps(whole).encode()) <= MAX_JSON_BYTES:
        return whole
    return {**counts, "failed": failed, "results_left_out": True}


def _read(step: Step) -> FanOut:
    typed = config.read(step.definition)
    if not isinstance(typed, JobConfig) or typed.fan_out is None:
        raise AssertionError(f"step '{step.step_id}' does not fan out")
    return typed.fan_out
