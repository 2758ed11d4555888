"""How a step that fans out says its items."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fp_pipeline.domain.config_reader import ConfigReader
from fp_pipeline.domain.definition import FAN_OUT

MAX_ITEMS = 1_000
"""Of one execution: it is read and written as a whole."""


class OnItemFailure(StrEnum):
    """What becomes of a step that fans out when an item of it failed for good."""

    STOP = "stop"
    """No further item starts; the step fails when those at work have ended."""
    FINISH = "finish"
    """Every item gets its turn, then the step fails."""
    TOLERATE = "tolerate"
    """The step completes with what succeeded, and fails only when nothing did."""


@dataclass(frozen=True, slots=True)
class FanOut:
    """Where the items come from: one of three. parallelism: items at a time; 0 for as many as the execution may have.

    items: the list itself. output: a step before and the key of its output. given: key of the execution's input.
    """

    items: tuple[Any, ...] | None
    output: tuple[str, str] | None
    given: str
    parallelism: int
    on_failure: OnItemFailure


def read_fan_out(reader: ConfigReader) -> FanOut | None:
    """None where it is not given. Raises InvalidArgument naming the field."""
    inner = reader.inside(FAN_OUT)
    if inner is None:
        return None
    items, output, given = inner.entries("items"), inner.names("from"), inner.text("from_input")
    if sum((items is not None, output is not None, bool(given))) != 1:
        raise reader.bad(FAN_OUT, "needs exactly one of items, from and from_input")
    if items is not None and len(items) > MAX_ITEMS:
        raise inner.bad("items", f"must be at most {MAX_ITEMS}")
    on_failure = inner.text("on_failure") or OnItemFailure.STOP.value
    if on_failure not in set(OnItemFailure):
        raise inner.bad("on_failure", "must be stop, finish or tolerate")
    fan_out = FanOut(
        items=None if items is None else tuple(items),
        output=output,
        given=given,
        parallelism=round(inner.number("parallelism", 0, low=0, high=MAX_ITEMS)),
        on_failure=OnItemFailure(on_failure),
    )
    inner.close()
    return fan_out
