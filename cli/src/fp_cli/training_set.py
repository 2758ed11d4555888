"""Training sets: what is asked for, and rows of what comes packed by column."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from forgepoint.featurestore.v1 import featurestore_pb2 as pb
from fp_kernel import Internal, invalid

from fp_cli.client import Client
from fp_cli.moments import of_micros, stamp

ENTITY: Final = "entity_id"
AS_OF: Final = "as_of"


@dataclass(frozen=True, slots=True)
class Selection:
    """rows: the view whose rows within start and end are the set's. views: read at each row's own time. labels: views
    read at `known_as_of` for every row, which only has rows with them. Views may be `name:feature,feature`.
    known_later: a row also sees what became known after its own time.
    """

    rows: str
    start: str
    end: str
    known_as_of: str
    views: Sequence[str] = ()
    labels: Sequence[str] = ()
    known_later: bool = False


def request(selection: Selection) -> pb.GetTrainingSetRequest:
    """Raises InvalidArgument naming the option."""
    for option in ("rows", "start", "end", "known_as_of"):
        if not getattr(selection, option):
            raise invalid(option.replace("_", "-"), "is needed, unless --file has the request")
    known = stamp(selection.known_as_of, "known-as-of")
    name, _ = _named(selection.rows)
    found = pb.GetTrainingSetRequest(known_as_of=known)
    found.window.CopyFrom(
        pb.TrainingSetWindow(name=name, start=stamp(selection.start, "start"), end=stamp(selection.end, "end"))
    )
    for text in (selection.rows, *selection.views):
        name, features = _named(text)
        found.feature_views.add(name=name, feature_names=features, known_later=selection.known_later)
    for text in selection.labels:
        name, features = _named(text)
        found.feature_views.add(name=name, feature_names=features, as_of=known, required=True)
    return found


def _named(text: str) -> tuple[str, list[str]]:
    name, _, features = text.partition(":")
    return name, [feature.strip() for feature in features.split(",") if feature.strip()]


class Reader:
    """head: set once the first rows are there."""

    def __init__(self, client: Client, parts: Iterable[pb.GetTrainingSetResponse], stub: Any) -> None:
        self._client = client
        self._parts = iter(parts)
        self._stub = stub
        first = next(self._parts, None)
        if first is None:
            raise Internal("the training set has no beginning")
        self._first = first
        self._columns = list(first.columns)
        self.known_as_of = of_micros(first.known_as_of.ToMicroseconds())
        self.names = [ENTITY, AS_OF, *self._names()]

    def rows(self) -> Iterator[list[Any]]:
        """Values in the order of `names`; None where there is none."""
        yield from _rows(self._first, self._columns)
        for part in self._parts:
            yield from _rows(part, self._columns)

    def _names(self) -> list[str]:
        """Names of features; with that of their view where two views have a feature of the same name."""
        plain = [column.name for column in self._columns]
        reserved = {ENTITY, AS_OF}
        if len(set(plain)) == len(plain) and not reserved & set(plain):
            return plain
        views = {column.feature_view_id: "" for column in self._columns}
        for view_id in views:
            asked = pb.GetFeatureViewRequest(feature_view_id=view_id)
            views[view_id] = self._client.call(self._stub.GetFeatureView, asked).feature_view.name
        return [f"{views[column.feature_view_id]}.{column.name}" for column in self._columns]


def _rows(part: pb.GetTrainingSetResponse, columns: Sequence[pb.TrainingSetColumn]) -> Iterator[list[Any]]:
    if not part.entity_ids:
        return
    values = [_values(given, column.value_type) for given, column in zip(part.values, columns, strict=True)]
    times = map(of_micros, part.as_of_micros)
    for row in zip(part.entity_ids, times, *values, strict=True):
        yield list(row)


def _values(given: pb.TrainingSetValues, kind: int) -> list[Any]:
    found = _READERS[kind](given)
    for place in given.missing:
        found[place] = None
    return found


def _lists(given: pb.TrainingSetValues) -> list[Any]:
    found = []
    start = 0
    for length in given.lengths:
        found.append(list(given.doubles[start : start + length]))
        start += length
    return found


_READERS: Final[Mapping[int, Callable[[pb.TrainingSetValues], list[Any]]]] = {
    pb.FEATURE_VALUE_TYPE_DOUBLE: lambda given: list(given.doubles),
    pb.FEATURE_VALUE_TYPE_INT64: lambda given: list(given.integers),
    pb.FEATURE_VALUE_TYPE_BOOL: lambda given: list(given.bools),
    pb.FEATURE_VALUE_TYPE_STRING: lambda given: list(given.strings),
    pb.FEATURE_VALUE_TYPE_TIMESTAMP: lambda given: [of_micros(micros) for micros in given.integers],
    pb.FEATURE_VALUE_TYPE_STRUCT: lambda given: [json.loads(text or "{}") for text in given.strings],
    pb.FEATURE_VALUE_TYPE_DOUBLE_LIST: _lists,
}


def cell(value: Any) -> str:
    """As CSV has it: the same value is always the same text."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float():
            return repr(value)
        case list() | dict():
            return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        case _:
            return str(value)
