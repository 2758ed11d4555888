"""The two feature views of the flights as data: what is known at departure, and what came out at arrival.

Entity is the flight, by its key. Times are the flights' own: a row was true and known since its departure, an outcome
since its arrival. A flight that was cancelled has features and no outcome.
"""

from typing import Any, Final

import numpy as np
from forgepoint.featurestore.v1 import featurestore_pb2 as pb

from fp_flights.features import CATEGORIES, COLUMNS
from fp_flights.flights import Flights

FLIGHTS: Final = "flights"
OUTCOMES: Final = "flight_outcomes"
LATE: Final = "late"
MINUTES: Final = "minutes"
_WHOLE: Final = ("hour",)


def flights() -> pb.DefineFeatureViewRequest:
    """Categories are strings, so that a reader without our codes understands them."""
    specs = [pb.FeatureSpec(name=name, value_type=_type(name)) for name in COLUMNS]
    return _view(FLIGHTS, "Known of a flight when it is scheduled to leave", specs)


def outcomes() -> pb.DefineFeatureViewRequest:
    whole = pb.FEATURE_VALUE_TYPE_INT64
    specs = [
        pb.FeatureSpec(name=LATE, value_type=whole, description="1: more than 15 minutes late"),
        pb.FeatureSpec(name=MINUTES, value_type=whole, description="from scheduled departure to arrival"),
    ]
    return _view(OUTCOMES, "What came out when the flight had arrived", specs)


def feature_rows(some: Flights) -> list[pb.FeatureValues]:
    """A row a flight, true and known since its scheduled departure."""
    columns = [_readable(name, some.features[:, index]) for index, name in enumerate(COLUMNS)]
    rows = []
    for key, moment, *values in zip(some.key.tolist(), _seconds(some.scheduled), *columns, strict=True):
        row = _row(key, moment)
        for name, value in zip(COLUMNS, values, strict=True):
            if isinstance(value, str):
                row.values[name].string_value = value
            else:
                row.values[name].number_value = value
        rows.append(row)
    return rows


def outcome_rows(some: Flights) -> list[pb.FeatureValues]:
    """A row a flight, true and known since its arrival. All must have landed."""
    rows = []
    columns = (some.key.tolist(), _seconds(some.scheduled), _seconds(some.arrival), some.late.tolist())
    for key, left, landed, late in zip(*columns, strict=True):
        row = _row(key, landed)
        row.values[LATE].number_value = late
        row.values[MINUTES].number_value = (landed - left) // 60
        rows.append(row)
    return rows


def _type(name: str) -> pb.FeatureValueType.ValueType:
    if name in CATEGORIES:
        return pb.FEATURE_VALUE_TYPE_STRING
    return pb.FEATURE_VALUE_TYPE_INT64 if name in _WHOLE else pb.FEATURE_VALUE_TYPE_DOUBLE


def _view(name: str, description: str, specs: list[pb.FeatureSpec]) -> pb.DefineFeatureViewRequest:
    entity = pb.Entity(name="flight", join_key="flight", description="carrier, number, origin, departure in UTC")
    return pb.DefineFeatureViewRequest(name=name, description=description, entity=entity, features=specs)


def _readable(name: str, column: Any) -> list[Any]:
    if name in CATEGORIES:
        readable: list[Any] = np.array(CATEGORIES[name])[column.astype(int)].tolist()
        return readable
    return column.astype(float).tolist()  # type: ignore[no-any-return]


def _row(key: str, seconds: int) -> pb.FeatureValues:
    row = pb.FeatureValues(entity_id=key)
    row.event_time.seconds = row.available_at.seconds = seconds
    return row


def _seconds(times: Any) -> list[int]:
    seconds: list[int] = times.astype("datetime64[s]").astype(int).tolist()
    return seconds
