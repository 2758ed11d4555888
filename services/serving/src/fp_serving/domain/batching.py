"""Which waiting requests run together, and how their rows are joined and parted again."""

from collections import deque
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from fp_kernel import ResourceExhausted

from fp_serving.domain.arrays import Array

Key = TypeVar("Key", bound=Hashable)
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class BatchPolicy:
    """When a batch is closed.

    max_rows: hard cap of a joint run; a single request with more rows runs alone.
    max_delay: seconds that a request may wait for company; 0 joins only what came while an earlier run was busy.
    max_waiting_rows, max_waiting_bytes: bounds of the queue; a request that cannot share a run counts as one row,
    whatever its size.
    """

    max_rows: int
    max_delay: float
    max_waiting_rows: int
    max_waiting_bytes: int = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[Item]):
    item: Item
    rows: int
    size: int
    since: float


@dataclass(slots=True)
class _Line(Generic[Item]):
    """Requests of one signature, oldest first. most: rows of a run, beside a request that has more by itself."""

    waiting: deque[_Waiting[Item]]
    most: int
    rows: int = 0


class Batcher(Generic[Key, Item]):
    """Requests that wait, in lines of one signature each; only requests of one line share a run.

    Those that share with nobody are one line too, the one without a key: every look goes through all lines.
    """

    def __init__(self, policy: BatchPolicy) -> None:
        self._policy = policy
        self._lines: dict[Key | None, _Line[Item]] = {}
        self.rows = 0
        self.bytes = 0

    def offer(self, key: Key | None, rows: int, item: Item, now: float, size: int = 0) -> None:
        """Queue a request. key: None for one that shares a run with nobody, and so waits for nobody. size: bytes.

        Raises ResourceExhausted when the queue is full; an empty queue takes a request of any size.
        """
        policy = self._policy
        if self.rows and (self.rows + rows > policy.max_waiting_rows or self.bytes + size > policy.max_waiting_bytes):
            raise ResourceExhausted(
                "the model's queue is full", reason="QUEUE_FULL", retry_after=max(self._policy.max_delay, 0.05)
            )
        line = self._lines.setdefault(key, _Line(deque(), 1 if key is None else policy.max_rows))
        line.waiting.append(_Waiting(item, rows, size, now))
        line.rows += rows
        self.rows += rows
        self.bytes += size

    def take(self, now: float) -> list[Item]:
        """The requests to run together now, oldest first; empty when none is due."""
        due = [key for key, line in self._lines.items() if self._due_at(line) <= now]
        if not due:
            return []
        return self._cut(min(due, key=lambda key: self._lines[key].waiting[0].since))

    def wait(self, now: float) -> float | None:
        """Seconds until `take` answers something, at least 0; None when nothing waits."""
        if not self._lines:
            return None
        return max(0.0, min(self._due_at(line) for line in self._lines.values()) - now)

    def age(self, now: float) -> float:
        """Seconds that the oldest request has waited."""
        return max((now - line.waiting[0].since for line in self._lines.values()), default=0.0)

    def _due_at(self, line: _Line[Item]) -> float:
        oldest = line.waiting[0].since
        return oldest if line.rows >= line.most else oldest + self._policy.max_delay

    def _cut(self, key: Key | None) -> list[Item]:
        line = self._lines[key]
        taken: list[Item] = []
        rows = 0
        while line.waiting and (not taken or rows + line.waiting[0].rows <= line.most):
            head = line.waiting.popleft()
            taken.append(head.item)
            rows += head.rows
            self.bytes -= head.size
        line.rows -= rows
        self.rows -= rows
        if not line.waiting:
            del self._lines[key]
        return taken


def join(requests: Sequence[Mapping[str, Array]]) -> Mapping[str, Array]:
    """One request with the rows of all, in order."""
    if len(requests) == 1:
        return requests[0]
    return {name: np.concatenate([request[name] for request in requests]) for name in requests[0]}


def part(outputs: Mapping[str, Array], rows: Sequence[int]) -> list[Mapping[str, Array]]:
    """The answers of the requests that were joined, in their order.

    rows: of each request.
    Raises ValueError when an output has not one row for each row that went in: its rows belong to nobody.
    """
    total = sum(rows)
    for name, output in outputs.items():
        if output.ndim == 0 or output.shape[0] != total:
            raise ValueError(f"output {name} has shape {list(output.shape)} for {total} rows")
    answers: list[Mapping[str, Array]] = []
    start = 0
    for count in rows:
        answers.append({name: output[start : start + count] for name, output in outputs.items()})
        start += count
    return answers
