"""What a model learns from: features and outcomes as they were known at one time, from the feature store."""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import numpy as np
from forgepoint.featurestore.v1 import featurestore_pb2 as pb
from fp_jobs.patience import patiently

from fp_flights.features import CATEGORIES, COLUMNS
from fp_flights.flights import Flights
from fp_flights.views import FLIGHTS, LATE, MINUTES, OUTCOMES

_OUTCOME = (LATE, MINUTES)


@dataclass(frozen=True, slots=True)
class Window:
    """Flights scheduled from `start` to before `as_of`, with what was known by `as_of`."""

    start: datetime
    as_of: datetime

    @classmethod
    def parse(cls, start: str, as_of: str) -> Self:
        """Of two times as ISO 8601. Raises ValueError for a time without zone, or when they are not in order."""
        window = cls(_moment(start), _moment(as_of))
        if window.start >= window.as_of:
            raise ValueError(f"the window ends at {as_of}, before it begins at {start}")
        return window

    @classmethod
    def before(cls, as_of: str, days: float) -> Self:
        """The days before a time."""
        end = _moment(as_of)
        return cls(end - timedelta(days=days), end)

    def inputs(self) -> list[dict[str, str]]:
        """What was read, as the lineage of a run shows it."""
        moment = _text(self.as_of)
        return [{"view": view, "as_of": moment, "known_as_of": moment} for view in (FLIGHTS, OUTCOMES)]

    def request(self) -> pb.GetTrainingSetRequest:
        """A row sees the features of its own time; its outcome is read as of the window's end, if it is there."""
        request = pb.GetTrainingSetRequest(
            feature_views=[
                pb.TrainingSetView(name=FLIGHTS, feature_names=COLUMNS),
                pb.TrainingSetView(name=OUTCOMES, feature_names=_OUTCOME, required=True),
            ],
            window=pb.TrainingSetWindow(name=FLIGHTS),
        )
        request.window.start.FromDatetime(self.start)
        for end in (request.window.end, request.feature_views[1].as_of, request.known_as_of):
            end.FromDatetime(self.as_of)
        return request


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """sha256: of everything that the feature store answered, in order."""

    window: Window
    flights: Flights
    sha256: str

    def facts(self) -> dict[str, Any]:
        """Enough to build it again and to know that it is the same."""
        return {
            "window_start": _text(self.window.start),
            "as_of": _text(self.window.as_of),
            "rows": len(self.flights),
            "sha256": self.sha256,
        }


async def read(features: Any, window: Window) -> TrainingSet:
    """Build the set. features: a stub of the feature store. A stream that breaks is read again from its beginning."""

    async def whole() -> _Answer:
        answer = _Answer()
        async for part in features.GetTrainingSet(window.request()):
            answer.add(part)
        return answer

    answer = await patiently(whole)
    return TrainingSet(window, answer.flights(), answer.digest.hexdigest())


@dataclass(slots=True)
class _Answer:
    """The columns of the set as they come, part by part."""

    digest: Any = field(default_factory=hashlib.sha256)
    columns: list[str] = field(default_factory=list)
    values: dict[str, list[Any]] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    micros: list[int] = field(default_factory=list)

    def add(self, part: pb.GetTrainingSetResponse) -> None:
        self.digest.update(part.SerializeToString(deterministic=True))
        self.columns = self.columns or [column.name for column in part.columns]
        self.keys.extend(part.entity_ids)
        self.micros.extend(part.as_of_micros)
        for name, column in zip(self.columns, part.values, strict=False):
            if column.missing:
                raise ValueError(f"{len(column.missing)} rows without {name}")
            found = column.doubles or column.integers or column.strings
            self.values.setdefault(name, []).extend(found)

    def flights(self) -> Flights:
        left = np.array(self.micros, dtype="datetime64[us]").astype("datetime64[s]")
        minutes = np.array(self.values.get(MINUTES, []), dtype="timedelta64[m]")
        columns = [_coded(name, self.values.get(name, [])) for name in COLUMNS]
        return Flights(
            features=np.column_stack(columns).astype(np.float32),
            late=np.array(self.values.get(LATE, []), dtype=np.bool_),
            scheduled=left,
            arrival=left + minutes,
            key=np.array(self.keys, dtype=np.str_),
        )


def _coded(name: str, values: list[Any]) -> Any:
    if name in CATEGORIES:
        code = {label: index for index, label in enumerate(CATEGORIES[name])}
        values = [code[value] for value in values]
    return np.array(values, dtype=np.float32)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} says no zone")
    return moment.astimezone(UTC)


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
