"""How rows of one schema are packed; compiled once a schema."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from struct import Struct
from typing import Any

from fp_featurestore.domain.features import Schema, Values
from fp_featurestore.domain.values import FIXED, Check, check_of, shown

_LENGTH = Struct("<I")


class BadValue(Exception):
    """name: of the feature. why: what would be right, for people."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name}: {why}")
        self.name = name
        self.why = why


@dataclass(frozen=True, slots=True)
class _Place:
    """slot: among the values of one size; -1 for one that stands in the tail. bit: in the mask of what is there."""

    index: int
    bit: int
    slot: int
    check: Check


Column = Sequence[Any]
"""One kept value a row; None where there is none."""


class Plan:
    """A packed row is a mask of the features that it has, the values of one size, then the others with their lengths.

    Everything is little-endian; a value that is not there is 0 at the front and nothing in the tail.
    """

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        fixed = [feature for feature in schema if feature.type in FIXED]
        slots = {feature.name: slot for slot, feature in enumerate(fixed)}
        self._mask_bytes = (len(schema) + 7) // 8
        self._front = Struct(f"<{self._mask_bytes}s" + "".join(FIXED[feature.type] for feature in fixed))
        self._nothing = [0] * len(fixed)
        self._places = {
            feature.name: _Place(index, 1 << index, slots.get(feature.name, -1), check_of(feature))
            for index, feature in enumerate(schema)
        }
        self._tail = [place for place in self._places.values() if place.slot < 0]
        self._full = ((1 << len(schema)) - 1).to_bytes(self._mask_bytes, "little")

    def pack(self, values: Values) -> bytes:
        """Raises BadValue."""
        mask, front = 0, self._nothing.copy()
        tail: dict[int, bytes] = {}
        for name, value in values.items():
            place = self._places.get(name)
            if place is None:
                raise BadValue(name, "is not a feature of this view")
            if value is None:
                continue
            try:
                stored = place.check(value)
            except ValueError as error:
                raise BadValue(name, str(error)) from None
            mask |= place.bit
            if place.slot < 0:
                tail[place.index] = stored  # type: ignore[assignment]
            else:
                front[place.slot] = stored  # type: ignore[call-overload]
        packed = self._front.pack(mask.to_bytes(self._mask_bytes, "little"), *front)
        if not tail:
            return packed
        parts: list[Any] = [packed]
        for index in sorted(tail):
            parts += (_LENGTH.pack(len(tail[index])), tail[index])
        return b"".join(parts)

    def unpack(self, packed: bytes, names: Sequence[str]) -> dict[str, object]:
        """The values of a row as JSON has them, those that are there; names that the schema lacks are passed over."""
        mask, *front = self._front.unpack_from(packed)
        there = int.from_bytes(mask, "little")
        tail = dict(self._read_tail(packed, there)) if self._tail else {}
        values = {}
        for name in names:
            place = self._places.get(name)
            if place is not None and there & place.bit:
                stored = front[place.slot] if place.slot >= 0 else tail[place.index]
                values[name] = shown(self.schema[place.index].type, stored)
        return values

    def slots(self, names: Sequence[str]) -> list[int] | None:
        """Where these features stand in `front`; None when one of them does not, or the schema lacks it."""
        places = [self._places.get(name) for name in names]
        found = [place.slot for place in places if place is not None and place.slot >= 0]
        return found if len(found) == len(names) else None

    def front(self, packed: bytes) -> list[Any] | None:
        """The kept values of one size of a row; None when the row lacks any feature."""
        mask, *front = self._front.unpack_from(packed)
        return front if mask == self._full else None

    def columns(self, rows: Sequence[bytes], names: Sequence[str]) -> list[Column]:
        """For each name one kept value a row; None for what is not there, also for a name that the schema lacks."""
        if not rows:
            return [() for _ in names]
        size = self._front.size
        fronts = b"".join(rows if not self._tail else [row[:size] for row in rows])
        masks, *front = zip(*self._front.iter_unpack(fronts), strict=True)
        complete = all(mask == self._full for mask in masks)
        there = () if complete else [int.from_bytes(mask, "little") for mask in masks]
        tails = self._tails(rows, masks) if self._tail else []
        found: list[Column] = []
        for name in names:
            place = self._places.get(name)
            if place is None:
                found.append(list(repeat(None, len(rows))))
            elif place.slot < 0:
                found.append([tail.get(place.index) for tail in tails])
            elif complete:
                found.append(front[place.slot])
            else:
                column = zip(front[place.slot], there, strict=True)
                found.append([stored if mask & place.bit else None for stored, mask in column])
        return found

    def _tails(self, rows: Sequence[bytes], masks: Sequence[bytes]) -> list[dict[int, bytes]]:
        pairs = zip(rows, masks, strict=True)
        return [dict(self._read_tail(row, int.from_bytes(mask, "little"))) for row, mask in pairs]

    def _read_tail(self, packed: bytes, there: int) -> Iterator[tuple[int, bytes]]:
        at = self._front.size
        for place in self._tail:
            if there & place.bit:
                (length,) = _LENGTH.unpack_from(packed, at)
                at += _LENGTH.size
                yield place.index, packed[at : at + length]
                at += length


@lru_cache(maxsize=4_096)
def plan_of(schema: Schema) -> Plan:
    return Plan(schema)
