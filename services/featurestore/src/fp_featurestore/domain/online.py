"""One entity's newest values as the online view keeps them."""

from dataclasses import dataclass
from struct import Struct

from fp_featurestore.domain.instants import Instant
from fp_featurestore.domain.rows import Row

# Times are shifted to be positive, so that the first twenty bytes, read as numbers, order as the rows do.
_HEAD = Struct(">QQIIQ")
_SHIFT = 2**63


@dataclass(frozen=True, slots=True)
class OnlineValue:
    event_time: Instant
    version: int
    ordinal: int
    schema_version: int
    available_at: Instant
    packed: bytes


def encode(row: Row) -> bytes:
    head = _HEAD.pack(row.event_time + _SHIFT, row.version, row.ordinal, row.schema_version, row.available_at + _SHIFT)
    return head + row.packed


def decode(stored: bytes) -> OnlineValue:
    event_time, version, ordinal, schema_version, available_at = _HEAD.unpack_from(stored)
    return OnlineValue(
        event_time=event_time - _SHIFT,
        version=version,
        ordinal=ordinal,
        schema_version=schema_version,
        available_at=available_at - _SHIFT,
        packed=stored[_HEAD.size :],
    )
