"""The order of steps: who waits for whom."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from heapq import heapify, heappop, heappush

from fp_pipeline.domain.definition import StepDefinition


def order(steps: Sequence[StepDefinition]) -> tuple[str, ...]:
    """Step ids, parents before children, otherwise as declared. Steps on a cycle, and behind one, are left out."""
    return _order(tuple((step.id, step.depends_on) for step in steps))


# Asked at every change of an execution, and the same for all executions of a pipeline.
@lru_cache(maxsize=256)
def _order(edges: tuple[tuple[str, tuple[str, ...]], ...]) -> tuple[str, ...]:
    position = {step_id: index for index, (step_id, _) in enumerate(edges)}
    waiting = {step_id: len(set(parents)) for step_id, parents in edges}
    children: dict[str, list[str]] = {step_id: [] for step_id in position}
    for step_id, parents in edges:
        for parent in set(parents):
            children[parent].append(step_id)
    ready = [position[step_id] for step_id, count in waiting.items() if count == 0]
    heapify(ready)
    done: list[str] = []
    while ready:
        step_id = edges[heappop(ready)][0]
        done.append(step_id)
        for child in children[step_id]:
            waiting[child] -= 1
            if waiting[child] == 0:
                heappush(ready, position[child])
    return tuple(done)


def cycle(steps: Sequence[StepDefinition]) -> tuple[str, ...]:
    """The ids of one cycle in the order in which they wait for each other; empty when there is none."""
    stuck = {step.id for step in steps} - set(order(steps))
    parents = {step.id: tuple(parent for parent in step.depends_on if parent in stuck) for step in steps}
    step_id = min(stuck, default="")
    path: list[str] = []
    while step_id and step_id not in path:
        path.append(step_id)
        # Every stuck step waits for another stuck one, so that the walk ends on a cycle.
        step_id = parents[step_id][0]
    return tuple(path[path.index(step_id) :]) if step_id else ()


def ancestors(steps: Sequence[StepDefinition], step_id: str) -> frozenset[str]:
    """Every step that `step_id` waits for, through any number of others."""
    parents = {step.id: step.depends_on for step in steps}
    return _reach(parents, step_id)


def descendants(steps: Sequence[StepDefinition], step_ids: Iterable[str]) -> frozenset[str]:
    """Every step that waits for one of these, through any number of others."""
    children = _children(steps)
    found: set[str] = set()
    for step_id in step_ids:
        found |= _reach(children, step_id)
    return frozenset(found)


def compensators(steps: Sequence[StepDefinition]) -> frozenset[str]:
    """Steps that only run to undo another one."""
    return frozenset(step.compensation_step_id for step in steps if step.compensation_step_id)


def _children(steps: Sequence[StepDefinition]) -> dict[str, list[str]]:
    children: dict[str, list[str]] = {step.id: [] for step in steps}
    for step in steps:
        for parent in set(step.depends_on):
            children[parent].append(step.id)
    return children


def _reach(edges: Mapping[str, Sequence[str]], start: str) -> frozenset[str]:
    found: set[str] = set()
    ahead = [start]
    while ahead:
        for step_id in edges[ahead.pop()]:
            if step_id not in found:
                found.add(step_id)
                ahead.append(step_id)
    return frozenset(found)
