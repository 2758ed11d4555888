"""Rows of features from CSV or JSON files, in the form of the API."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from forgepoint.featurestore.v1 import featurestore_pb2 as pb
from fp_kernel import InvalidArgument, invalid
from fp_kernel.integers import EXACT_IN_DOUBLE, int64_of

from fp_cli import csv_files, documents
from fp_cli.moments import moment

ENTITY: Final = "entity_id"
TIMES: Final = ("event_time", "available_at")
_DIGITS: Final = 20  # more than a number of 64 bits has
_FLAGS: Final = {"true": True, "1": True, "false": False, "0": False}


@dataclass(slots=True)
class Rows:
    """places: where each row stands in its file."""

    values: list[pb.FeatureValues] = field(default_factory=list)
    places: list[str] = field(default_factory=list)


def read(text: str, view: pb.FeatureView) -> Rows:
    """Rows of a JSON array, of one JSON object a line, or of CSV.

    CSV has a column for the entity, named as the view's join key or `entity_id`, columns named as features, and may
    have `event_time` and `available_at`. An empty cell is no value. Raises InvalidArgument naming the row and column.
    """
    rows = _json(text) if text.lstrip()[:1] in {"[", "{"} else _csv(text, view)
    if not rows.values:
        raise invalid("file", "has no rows")
    return rows


def _json(text: str) -> Rows:
    rows = Rows()
    for where, item in documents.objects(text):
        rows.values.append(documents.fill(pb.FeatureValues(), item, f"file: {where}"))
        rows.places.append(where)
    return rows


def _csv(text: str, view: pb.FeatureView) -> Rows:
    header, lines = csv_files.read(text)
    entity, types = _columns(header, view)
    rows = Rows()
    for where, cells in lines:
        row = pb.FeatureValues(entity_id=cells[entity])
        for name in TIMES:
            if cells.get(name):
                getattr(row, name).FromDatetime(moment(cells[name], f"file: {where}, column {name}"))
        for name, kind in types.items():
            if cells[name]:
                _set(row, name, cells[name], kind, where)
        rows.values.append(row)
        rows.places.append(where)
    return rows


def _columns(header: Sequence[str], view: pb.FeatureView) -> tuple[str, Mapping[str, int]]:
    """The entity's column, and the type of each column that holds a feature."""
    entity = ENTITY if ENTITY in header else view.entity.join_key
    if entity not in header:
        raise invalid("file", f"needs a column {view.entity.join_key!r} or {ENTITY!r} that names the entity of a row")
    types = {feature.name: feature.value_type for feature in view.features if feature.name in header}
    unknown = [name for name in header if name not in types and name not in {entity, *TIMES}]
    if unknown:
        known = ", ".join(feature.name for feature in view.features)
        raise invalid("file", f"has a column {unknown[0]!r}, which is no feature of {view.name}; it has {known}")
    return entity, types


def _set(row: pb.FeatureValues, name: str, text: str, kind: int, where: str) -> None:
    try:
        value = _PARSERS[kind](text)
    except (ValueError, KeyError, OverflowError, InvalidOperation, InvalidArgument):
        label = pb.FeatureValueType.Name(pb.FeatureValueType.ValueType(kind)).removeprefix("FEATURE_VALUE_TYPE_")
        more = ", whole and of 64 bits" if kind == pb.FEATURE_VALUE_TYPE_INT64 else ""
        raise InvalidArgument(f"file: {where}, column {name}: {text[:80]!r} is no {label}{more}") from None
    target = row.values[name]
    if isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, float):
        target.number_value = value
    elif isinstance(value, str):
        target.string_value = value
    elif isinstance(value, list):
        target.list_value.extend(value)
    else:
        target.struct_value.update(value)


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _whole(text: str) -> float | str:
    """`3.0` is 3, as it is in JSON. One that a double does not hold exactly stays a text."""
    number = Decimal(text)
    if not number.is_finite() or number.adjusted() > _DIGITS or number != number.to_integral_value():
        raise ValueError(text)
    return float(number) if abs(number) <= EXACT_IN_DOUBLE else str(int64_of(f"{number:f}".partition(".")[0]))


def _of(kind: type) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        value = json.loads(text)
        if not isinstance(value, kind):
            raise ValueError(text)  # noqa: TRY004 -- it is a wrong value of a file, not of our code
        return value

    return parse


_PARSERS: Final[Mapping[int, Callable[[str], Any]]] = {
    pb.FEATURE_VALUE_TYPE_INT64: _whole,
    pb.FEATURE_VALUE_TYPE_DOUBLE: _number,
    pb.FEATURE_VALUE_TYPE_STRING: str,
    pb.FEATURE_VALUE_TYPE_BOOL: lambda text: _FLAGS[text.strip().lower()],
    pb.FEATURE_VALUE_TYPE_TIMESTAMP: lambda text: moment(text, "").isoformat(),
    pb.FEATURE_VALUE_TYPE_DOUBLE_LIST: _of(list),
    pb.FEATURE_VALUE_TYPE_STRUCT: _of(dict),
}
