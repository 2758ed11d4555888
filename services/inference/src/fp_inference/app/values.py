"""The values of a prediction: request, answer and record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from fp_kernel import Command, Error
from fp_kernel.bucket import Limit
from fp_kernel.tensors import Tensor

from fp_inference.domain.failures import FailureReason
from fp_inference.domain.routes import Target


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. name: of the principal's bucket and places. may_pin: whether a version may be named.

    in_flight: predictions at once; None for no limit of his own.
    """

    team: str
    user_id: str
    api_key_id: str
    name: str
    limit: Limit
    may_pin: bool
    in_flight: int | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """One prediction to make. deadline: on the monotonic clock. command: what makes a retry the same request.

    day: when the request was first seen, UTC; part of the id of one with a key. outputs: that the caller will read;
    none for all. attributes: that rules of the route may ask for.
    """

    request_id: str
    caller: Caller
    model_name: str
    inputs: Mapping[str, Tensor]
    version_override: str
    sticky_key: str
    command: Command
    deadline: float
    day: date
    outputs: Sequence[str] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Prediction:
    """seconds: from the request's arrival to its answer."""

    request_id: str
    version: str
    outputs: Mapping[str, Tensor]
    seconds: float


@dataclass(frozen=True, slots=True)
class Try:
    """One call of one version. failure: None when it answered. seconds: from the call to its answer or failure."""

    target: Target
    failure: FailureReason | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Completed:
    """A prediction that was made, for its event. tries: in their order, the one that answered last.

    canaries: ids of the versions that were canaries of the route then.
    """

    ask: Ask
    target: Target
    prediction: Prediction
    tries: Sequence[Try]
    canaries: frozenset[str]
    at: datetime


@dataclass(frozen=True, slots=True)
class Failed:
    """A prediction that was not made. model_id: empty when no route was known.

    tries: in their order; empty when no version was asked, which then is blamed for nothing.
    """

    ask: Ask
    model_id: str
    tries: Sequence[Try]
    canaries: frozenset[str]
    reason: FailureReason
    error: Error
    at: datetime


@dataclass(frozen=True, slots=True)
class Replay:
    """What a command answered. digest: of (team, RPC, key). fingerprint: of its body.

    day: when the command was first seen, UTC, for one whose answer is not kept here (it is too large, or kept by its
    items); a retry is computed again, as the same request.
    """

    digest: bytes
    fingerprint: bytes
    response: bytes
    day: date | None = None
