"""Predictions of the spool for the prediction log, whole: messages beside those of all predictions.

Only of models whose policy asks for it, and only of those that the policy takes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from forgepoint.events.v1 import events_pb2 as pb
from fp_events import EncodedEvent, Event, encoded
from fp_kernel.masking import masked
from fp_kernel.signatures import Signature
from fp_kernel.tensors import Tensor
from fp_kernel.times import seconds_and_nanos
from fp_kernel.traces import trace_id
from fp_rpc.tensors import TENSOR_TYPES

from fp_inference.adapters.events import LOGGED, SOURCE
from fp_inference.adapters.made import Made
from fp_inference.adapters.spool.layouts import Layouts
from fp_inference.adapters.spool.raw import Raw, opened
from fp_inference.adapters.spool.spool import Entry
from fp_inference.app.logged_models import LoggedModels, LogPolicy
from fp_inference.domain.request_ids import digest, timed_id

# Tensors of a prediction that is logged, both sides together.
MOST_BYTES = 65_536
# Of a message; what takes them has some hundreds at once.
_MOST_OF_MESSAGE = 65_536
_NANOS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class LogMessage:
    message: EncodedEvent
    predictions: int


@dataclass(frozen=True, slots=True)
class Taken:
    entry: Entry
    made: Made
    payload: pb.LoggedPrediction


def log_messages(predictions: Iterable[Taken], spool: str) -> Iterator[LogMessage]:
    """Those of a round."""
    open_: dict[tuple[str, str, str], list[Taken]] = {}
    sizes: dict[tuple[str, str, str], int] = {}
    for taken in predictions:
        key = taken.made.team, taken.made.model_name, taken.made.version
        size = taken.payload.ByteSize()
        if sizes.get(key, 0) + size > _MOST_OF_MESSAGE and key in open_:
            yield _message(open_.pop(key), spool)
            sizes[key] = 0
        open_.setdefault(key, []).append(taken)
        sizes[key] = sizes.get(key, 0) + size
    for group in open_.values():
        yield _message(group, spool)


def to_log(entry: Entry, models: LoggedModels, layouts: Layouts) -> Taken | None:
    """None for what no policy takes. Raises whatever a record raises that cannot be read."""
    record = entry.record.report
    if not isinstance(record, Raw) or not models.logs(record.team):
        return None
    made = opened(record)
    policy = models.taken(made.team, made.model_name, made.request_id)
    return None if policy is None else Taken(entry, made, logged(made, layouts.find(record.layout), policy))


def logged(made: Made, signature: Signature, policy: LogPolicy) -> pb.LoggedPrediction:
    gone: list[str] = []
    payload = pb.LoggedPrediction(
        request_id=made.request_id,
        is_canary=made.is_canary,
        rows=made.rows,
        inputs=_tensors(made.inputs, _columns(made.inputs, signature), policy, gone),
        outputs=_tensors(made.outputs, {}, policy, gone),
        masked=gone,
        trace_id=trace_id(made.traceparent),
    )
    payload.answered_at.seconds, payload.answered_at.nanos = seconds_and_nanos(made.at)
    payload.latency.seconds, payload.latency.nanos = divmod(made.nanos, _NANOS)
    return payload


def _columns(inputs: Mapping[str, Tensor], signature: Signature) -> Mapping[str, Sequence[str]]:
    """Of tensors whose signature names each element of a row: all of them, however many these are."""
    declared = {spec.name: [column.name for column in spec.columns] for spec in signature.inputs}
    return {name: declared[name] for name, tensor in inputs.items() if len(declared.get(name, ())) == tensor.width}


def _tensors(
    tensors: Mapping[str, Tensor], columns: Mapping[str, Sequence[str]], policy: LogPolicy, gone: list[str]
) -> Iterator[pb.LoggedTensor]:
    for name, tensor in tensors.items():
        names = columns.get(name, ())
        left, hidden = masked(name, names, tensor, policy.masked) if policy.masked else (tensor, [])
        gone += hidden
        yield pb.LoggedTensor(
            name=name, type=TENSOR_TYPES[left.element], shape=left.shape, data=left.data, columns=names
        )


def _message(group: Sequence[Taken], spool: str) -> LogMessage:
    """Its id comes from its place, so that one that was sent before the process was killed is known again."""
    first, last = group[0].made, group[-1].made
    place = f"{group[0].entry.before}-{group[-1].entry.after}"
    identity = digest("log", spool, place, first.team, first.model_name, first.version)
    event = Event(
        LOGGED,
        pb.PredictionsLogged(
            model_id=first.model_id,
            model_name=first.model_name,
            version=first.version,
            predictions=[each.payload for each in group],
        ),
        first.team,
        first.model_id,
        f"{len(group)} predictions of version {first.version} of {first.model_name} are logged.",
        id=timed_id(int(first.at.timestamp() * 1_000), identity),
        source=SOURCE,
        time=last.at,
    )
    return LogMessage(encoded(event), len(group))
