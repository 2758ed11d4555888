"""Build a training set, the same one every time."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from fp_featurestore.app.catalog import Catalog
from fp_featurestore.app.ports import AsOfQuery, Offline, Spine, ViewRef
from fp_featurestore.app.vectors import selected
from fp_featurestore.domain.chunks import Pace, parts, sizes
from fp_featurestore.domain.instants import FIRST, Instant
from fp_featurestore.domain.rows import Row
from fp_featurestore.domain.training import ColumnHead, TrainingRows, chosen, gather
from fp_featurestore.domain.view import View


@dataclass(frozen=True, slots=True)
class WantedView:
    """as_of: read at this time for every row; None for the row's own. through: version of its log; 0 is all.

    known_later: also what became known after the row's own time. required: rows without values are left out.
    """

    ref: ViewRef
    names: Sequence[str]
    as_of: Instant | None = None
    known_later: bool = False
    required: bool = False
    through: int = 0


@dataclass(frozen=True, slots=True)
class Pairs:
    entity_ids: Sequence[str]
    times: Sequence[Instant]


@dataclass(frozen=True, slots=True)
class Window:
    """Everything of a view whose event time is not before `start` and before `end`."""

    ref: ViewRef
    start: Instant
    end: Instant
    through: int = 0


@dataclass(frozen=True, slots=True)
class Wanted:
    views: Sequence[WantedView]
    rows: Pairs | Window
    known_as_of: Instant


@dataclass(frozen=True, slots=True)
class Head:
    columns: Sequence[ColumnHead]
    known_as_of: Instant


@dataclass(frozen=True, slots=True)
class _Read:
    """A view of the set with everything settled before the first row is read."""

    wanted: WantedView
    view: View
    names: Sequence[str]
    through: int


class GetTrainingSet:
    """Each statement reads one chunk at a version and a time of knowledge that are settled before the first one.

    So the set is one moment's, though no transaction lasts as long as the stream, and it is the same when it is asked
    for again: what is written later is known later.
    """

    def __init__(self, catalog: Catalog, offline: Offline) -> None:
        self._catalog = catalog
        self._offline = offline

    async def __call__(self, team: str, wanted: Wanted) -> AsyncIterator[Head | TrainingRows]:
        """The head first. Raises NotFound, InvalidArgument naming the field, OutOfRange, Unavailable."""
        known_as_of = wanted.known_as_of
        reads: list[_Read] = []
        for index, one in enumerate(wanted.views):
            field = f"feature_views[{index}].feature_names"
            # What the set is of must not depend on which replica answers.
            await self._catalog.view(team, one.ref, fresh=True)
            view, names = await selected(self._catalog, team, one.ref, one.names, field=field)
            fence = await self._offline.fence(view.id)
            known_as_of = min(known_as_of, fence.now)
            through = min(one.through or fence.version, fence.version)
            earliest = _earliest(wanted.rows) if one.as_of is None else one.as_of
            fence.check_retained(f"feature_views[{index}]", earliest, known_as_of, through=through)
            reads.append(_Read(one, view, names, through))
        columns = _columns(reads)
        features = [column.feature for column in columns]
        pace = Pace(features)
        chunks = self._chunks(team, wanted.rows, known_as_of, pace)
        first = await anext(chunks, None)
        if first is not None:
            known_as_of = first.known_as_of
        yield Head(columns, known_as_of)
        while first is not None:
            rows = await self._read(reads, first, known_as_of)
            row_sizes = sizes(rows, features)
            pace.saw(len(first.entity_ids), sum(row_sizes))
            for part in parts(rows, row_sizes):
                yield part
            first = await anext(chunks, None)

    async def _chunks(
        self, team: str, rows: Pairs | Window, known_as_of: Instant, pace: Pace
    ) -> "AsyncIterator[_Chunk]":
        if isinstance(rows, Pairs):
            start = 0
            while start < len(rows.entity_ids):
                part = slice(start, start + pace.rows)
                start = part.stop
                yield _Chunk(rows.entity_ids[part], rows.times[part], known_as_of)
            return
        view = await self._catalog.view(team, rows.ref, fresh=True)
        fence = await self._offline.fence(view.id)
        known_as_of = min(known_as_of, fence.now)
        through = min(rows.through or fence.version, fence.version)
        fence.check_retained("window", rows.start, known_as_of, through=through)
        after = Spine(max(rows.start, FIRST) - 1, _LAST_ENTITY)
        while True:
            limit = pace.rows
            found = await self._offline.window(
                view.id, after, rows.end, known_as_of=known_as_of, through=through, limit=limit
            )
            yield _Chunk([one.entity_id for one in found], [one.event_time for one in found], known_as_of)
            if len(found) < limit:
                return
            after = found[-1]

    async def _read(self, reads: Sequence[_Read], chunk: "_Chunk", known_as_of: Instant) -> TrainingRows:
        found = []
        for read in reads:
            asks = _asks(read, chunk, known_as_of)
            found.append(await self._offline.as_of(read.view.id, asks, read.through))
        return await asyncio.to_thread(_assemble, reads, chunk, found)


@dataclass(frozen=True, slots=True)
class _Chunk:
    entity_ids: Sequence[str]
    times: Sequence[Instant]
    known_as_of: Instant


# After every entity id there is: text of this database ends below the largest code point.
_LAST_ENTITY = "\U0010ffff"


def _earliest(rows: Pairs | Window) -> Instant:
    return rows.start if isinstance(rows, Window) else min(rows.times)


def _columns(reads: Sequence[_Read]) -> list[ColumnHead]:
    columns = []
    for read in reads:
        features = {feature.name: feature for feature in read.view.features}
        columns += [ColumnHead(read.view.id, features[name]) for name in read.names]
    return columns


def _asks(read: _Read, chunk: _Chunk, known_as_of: Instant) -> list[AsOfQuery]:
    fixed, oldest = read.wanted.as_of, read.view.oldest
    if fixed is not None:
        # Labels: nothing serves them, so no time to live hides them.
        return [AsOfQuery(entity_id, fixed, known_as_of) for entity_id in chunk.entity_ids]
    pairs = zip(chunk.entity_ids, chunk.times, strict=True)
    if read.wanted.known_later:
        return [AsOfQuery(entity_id, at, known_as_of, oldest(at)) for entity_id, at in pairs]
    # What was not known yet at the row's own time could not have been used then.
    return [AsOfQuery(entity_id, at, min(at, known_as_of), oldest(at)) for entity_id, at in pairs]


def _assemble(reads: Sequence[_Read], chunk: _Chunk, found: Sequence[Mapping[int, Row]]) -> TrainingRows:
    count = len(chunk.entity_ids)
    columns = []
    for read, rows in zip(reads, found, strict=True):
        columns += gather(rows, count, read.view.schemas, read.names)
    required = [rows for read, rows in zip(reads, found, strict=True) if read.wanted.required]
    places = [place for place in range(count) if all(place in rows for rows in required)]
    return chosen(TrainingRows(chunk.entity_ids, chunk.times, columns), places)
