"""An answered prediction as its event tells it, before the event is built."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from fp_kernel.tensors import Tensor
from fp_telemetry import correlation_id, inject

from fp_inference.app.values import Completed, Try
from fp_inference.domain.failures import FailureReason
from fp_inference.domain.summary import rows


class Attempt(NamedTuple):
    """One call of one version. failure: None when it answered. nanos: from the call to its answer or failure."""

    version: str
    is_canary: bool
    failure: FailureReason | None
    nanos: int


# Made for each prediction before its answer goes out: not frozen, which would cost three times as much.
@dataclass(slots=True)
class Made:
    """actor: id of the API key or of the person. nanos: from the request's arrival to its answer. at: of the answer."""

    team: str
    model_id: str
    model_name: str
    version: str
    request_id: str
    api_key_id: str
    actor: str
    correlation_id: str
    traceparent: str
    is_canary: bool
    nanos: int
    at: datetime
    rows: int
    attempts: Sequence[Attempt]
    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]


def made(completed: Completed) -> Made:
    """Within the call, whose correlation id and trace it takes."""
    ask, target, prediction, canaries = completed.ask, completed.target, completed.prediction, completed.canaries
    caller, trace = ask.caller, dict[str, str]()
    inject(trace)
    return Made(
        caller.team,
        target.model_id,
        ask.model_name,
        target.version,
        ask.request_id,
        caller.api_key_id,
        caller.api_key_id or caller.user_id,
        correlation_id.get(),
        trace.get("traceparent", ""),
        target.version_id in canaries,
        round(prediction.seconds * 1e9),
        completed.at,
        rows(ask.inputs, target.signature),
        [attempt_of(each, canaries) for each in completed.tries],
        ask.inputs,
        prediction.outputs,
    )


def attempt_of(call: Try, canaries: Collection[str]) -> Attempt:
    return Attempt(call.target.version, call.target.version_id in canaries, call.failure, round(call.seconds * 1e9))
