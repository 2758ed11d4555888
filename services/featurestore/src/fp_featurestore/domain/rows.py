"""Rows of a write, checked and packed."""

from collections.abc import Sequence
from dataclasses import dataclass

from fp_kernel import invalid

from fp_featurestore.domain import text
from fp_featurestore.domain.features import Values
from fp_featurestore.domain.instants import SECOND, Instant
from fp_featurestore.domain.plan import BadValue, Plan

MAX_ROWS = 1_000
# A value from the future would win over every present one; clocks may differ by this much.
MAX_AHEAD = 300 * SECOND


@dataclass(frozen=True, slots=True)
class NewRow:
    """What a caller says of one entity at one time. Times that are None become the time of the write."""

    entity_id: str
    values: Values
    event_time: Instant | None = None
    available_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One kept row. ordinal: its place in its write, from 1; version and ordinal together order rows of one time."""

    entity_id: str
    event_time: Instant
    available_at: Instant
    version: int
    ordinal: int
    schema_version: int
    packed: bytes


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one write, column by column."""

    entity_ids: Sequence[str]
    event_times: Sequence[Instant]
    available_ats: Sequence[Instant]
    packed: Sequence[bytes]

    def __len__(self) -> int:
        return len(self.entity_ids)


def pack(plan: Plan, rows: Sequence[NewRow]) -> list[bytes]:
    """Every row, or none: raises InvalidArgument naming the first bad field."""
    if not rows:
        raise invalid("features", "must not be empty")
    if len(rows) > MAX_ROWS:
        raise invalid("features", f"has {len(rows)} rows, at most {MAX_ROWS} are allowed")
    packed = []
    for index, row in enumerate(rows):
        text.check_entity_id(row.entity_id, f"features[{index}].entity_id")
        if not row.values:
            raise invalid(f"features[{index}].values", "must not be empty")
        try:
            packed.append(plan.pack(row.values))
        except BadValue as bad:
            raise invalid(f"features[{index}].values[{bad.name}]", bad.why) from None
    return packed


def timed(rows: Sequence[NewRow], packed: Sequence[bytes], now: Instant) -> Rows:
    """The rows with their times. now: of the write. Raises InvalidArgument naming a time in the future."""
    latest = now + MAX_AHEAD
    for index, row in enumerate(rows):
        for name, at in (("event_time", row.event_time), ("available_at", row.available_at)):
            if at is not None and at > latest:
                raise invalid(f"features[{index}].{name}", "must not be in the future")
    return Rows(
        entity_ids=[row.entity_id for row in rows],
        event_times=[now if row.event_time is None else row.event_time for row in rows],
        available_ats=[now if row.available_at is None else row.available_at for row in rows],
        packed=packed,
    )
