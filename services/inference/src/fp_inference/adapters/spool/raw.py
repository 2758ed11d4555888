"""Predictions on disk as they were made: the event is built when they are published.

A caller waits for this record, and for the event nobody does. The record has the tensors as they came and went.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from fp_kernel.tensors import ElementType, Tensor
from fp_kernel.times import at_microseconds, microseconds

from fp_inference.adapters.made import Attempt, Made
from fp_inference.domain.failures import FailureReason

# Begins such a record, where records of single events begin with an id.
RAW = b"made"
# Texts of predictions have no such character (ADR 0191).
_BETWEEN = "\0"
# Microseconds since 1970, nanoseconds of the prediction, rows; tensors that came and went, attempts; canary.
_NUMBERS = struct.Struct("<qqqHHHB")
_TEXTS = 10
_OF_ATTEMPT = 4
# Sections before the tensors; sections of a tensor, the first of which has its name, element type and shape.
FIRST_TENSOR = 3
OF_TENSOR = 2


@dataclass(slots=True)
class Raw:
    """layout: digest of the signature by which its event is built. sections: as they stand on disk."""

    team: str
    at: datetime
    rows: int
    layout: str
    sections: Sequence[bytes]


def raw(made: Made, layout: str) -> Raw:
    texts = [
        made.team,
        layout,
        made.model_id,
        made.model_name,
        made.version,
        made.request_id,
        made.api_key_id,
        made.actor,
        made.correlation_id,
        made.traceparent,
    ]
    for version, is_canary, failure, nanos in made.attempts:
        texts += (version, "1" if is_canary else "", failure.value if failure is not None else "", str(nanos))
    micros = microseconds(made.at)
    inputs, outputs, attempts = len(made.inputs), len(made.outputs), len(made.attempts)
    numbers = _NUMBERS.pack(micros, made.nanos, made.rows, inputs, outputs, attempts, made.is_canary)
    sections = [RAW, _BETWEEN.join(texts).encode(), numbers]
    for tensors in (made.inputs, made.outputs):
        for name, tensor in tensors.items():
            sections += (_head(name, tensor.element, tensor.shape), tensor.data)
    return Raw(made.team, made.at, made.rows, layout, sections)


def of_sections(sections: Sequence[bytes]) -> Raw:
    """Of a record, with or without what follows the prediction. Raises an exception of whatever type."""
    team, layout, _ = sections[1].split(b"\0", 2)
    micros, _, rows, inputs, outputs, _, _ = _NUMBERS.unpack(sections[2])
    end = FIRST_TENSOR + OF_TENSOR * (inputs + outputs)
    if len(sections) < end:
        raise ValueError("tensors are missing")
    return Raw(team.decode(), at_microseconds(micros), rows, layout.decode(), sections[:end])


def opened(record: Raw) -> Made:
    """What `raw` was given. Raises an exception of whatever type."""
    texts = record.sections[1].decode().split(_BETWEEN)
    _, nanos, rows, inputs, _, attempts, is_canary = _NUMBERS.unpack(record.sections[2])
    team, _, model_id, model_name, version, request_id, api_key_id, actor, correlation, trace = texts[:_TEXTS]
    if len(texts) != _TEXTS + _OF_ATTEMPT * attempts:
        raise ValueError("texts that are no prediction")
    split = FIRST_TENSOR + OF_TENSOR * inputs
    return Made(
        team,
        model_id,
        model_name,
        version,
        request_id,
        api_key_id,
        actor,
        correlation,
        trace,
        bool(is_canary),
        nanos,
        record.at,
        rows,
        list(_attempts(texts[_TEXTS:])),
        _tensors(record.sections[FIRST_TENSOR:split]),
        _tensors(record.sections[split:]),
    )


def _attempts(texts: Sequence[str]) -> Iterator[Attempt]:
    for at in range(0, len(texts), _OF_ATTEMPT):
        version, canary, failure, nanos = texts[at : at + _OF_ATTEMPT]
        yield Attempt(version, bool(canary), FailureReason(failure) if failure else None, int(nanos))


def _tensors(sections: Sequence[bytes]) -> Mapping[str, Tensor]:
    found = {}
    for at in range(0, len(sections), OF_TENSOR):
        name, element, shape = _read_head(sections[at])
        found[name] = Tensor(element, shape, sections[at + 1])
    return found


@lru_cache(maxsize=1_024)
def _head(name: str, element: ElementType, shape: tuple[int, ...]) -> bytes:
    return _BETWEEN.join((element.value, ",".join(map(str, shape)), name)).encode()


@lru_cache(maxsize=1_024)
def _read_head(head: bytes) -> tuple[str, ElementType, tuple[int, ...]]:
    element, shape, name = head.decode().split(_BETWEEN, 2)
    return name, ElementType(element), tuple(map(int, shape.split(","))) if shape else ()
