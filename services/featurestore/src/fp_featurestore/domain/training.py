"""A training set: rows of several views, each as of its own time."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fp_featurestore.domain.features import Feature, Schema
from fp_featurestore.domain.instants import Instant
from fp_featurestore.domain.plan import Column, plan_of
from fp_featurestore.domain.rows import Row

MAX_VIEWS = 10
MAX_PAIRS = 100_000


@dataclass(frozen=True, slots=True)
class ColumnHead:
    view_id: str
    feature: Feature


@dataclass(frozen=True, slots=True)
class TrainingRows:
    """entity_ids and times have one entry a row; so has each column, with None where there is no value."""

    entity_ids: Sequence[str]
    times: Sequence[Instant]
    columns: Sequence[Column]


def gather(rows: Mapping[int, Row], count: int, schemas: Sequence[Schema], names: Sequence[str]) -> list[Column]:
    """Columns of `count` rows of the given rows by their place; rows of each schema are read as a table."""
    places: dict[int, list[int]] = defaultdict(list)
    for place in sorted(rows):
        places[rows[place].schema_version].append(place)
    if len(places) == 1 and len(rows) == count:
        ((version, order),) = places.items()
        return plan_of(schemas[version - 1]).columns([rows[place].packed for place in order], names)
    columns: list[list[object]] = [[None] * count for _ in names]
    for version, order in places.items():
        read = plan_of(schemas[version - 1]).columns([rows[place].packed for place in order], names)
        for column, values in zip(columns, read, strict=True):
            for place, value in zip(order, values, strict=True):
                column[place] = value
    return list(columns)


def chosen(rows: TrainingRows, places: Sequence[int]) -> TrainingRows:
    """The rows at these places."""
    if len(places) == len(rows.entity_ids):
        return rows
    return TrainingRows(
        entity_ids=[rows.entity_ids[place] for place in places],
        times=[rows.times[place] for place in places],
        columns=[[column[place] for place in places] for column in rows.columns],
    )
