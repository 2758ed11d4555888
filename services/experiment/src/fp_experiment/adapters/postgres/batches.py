"""Batches of points and records, each in one transaction."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from fp_events import durable
from fp_kernel import Command, FailedPrecondition
from fp_postgres import Database, Transaction
from fp_postgres.failures import translated
from fp_postgres.idempotency_batch import Name, claim, complete, name_of, release, same_answer

from fp_experiment.adapters.postgres.lineage import PostgresLineage
from fp_experiment.app.ports import Entry, LineageEntry, LoggedPoints, Outcome
from fp_experiment.app.refusals import no_run
from fp_experiment.domain.metrics import MAX_KEYS, Point
from fp_experiment.domain.runs import RunStatus, not_running, open_to

EXPERIMENT = durable("experiment")

CONSUMER = EXPERIMENT.name

_STAGE = """
CREATE TEMPORARY TABLE IF NOT EXISTS staged_points (
    entry integer NOT NULL, run_id uuid NOT NULL, key text COLLATE "C" NOT NULL, step bigint NOT NULL,
    value double precision NOT NULL, recorded_at timestamptz NOT NULL
) ON COMMIT DELETE ROWS
"""
_COLUMNS = ("entry", "run_id", "key", "step", "value", "recorded_at")

# A run that ends waits for this, and this for a run that ends: its last event has every point.
_RUNS = """
SELECT id, team, status, execution_id FROM runs WHERE id = any($1::uuid[]) AND deleted_at IS NULL ORDER BY id FOR SHARE
"""

# Sorted, so that two replicas wait for each other and do not lock each other out.
_ADD = """
added AS (
    INSERT INTO metric_points (run_id, key, step, value, recorded_at)
    SELECT run_id, key, step, value, recorded_at FROM staged_points ORDER BY run_id, key, step
    ON CONFLICT DO NOTHING
    RETURNING run_id, key, step, value, recorded_at
), newest AS (
    SELECT DISTINCT ON (run_id, key) run_id, key, step, value, recorded_at FROM added ORDER BY run_id, key, step DESC
), shown AS (
    INSERT INTO latest_metrics AS latest (run_id, key, step, value, recorded_at)
    SELECT * FROM newest ORDER BY run_id, key
    ON CONFLICT (run_id, key) DO UPDATE
        SET step = excluded.step, value = excluded.value, recorded_at = excluded.recorded_at
        WHERE excluded.step > latest.step
)
SELECT entry FROM staged_points LEFT JOIN added USING (run_id, key, step) WHERE added.run_id IS NULL
"""
# Many rows come by COPY, which costs the service least; few as arrays, which costs the database least.
_AS_STAGED = "WITH"
_AS_GIVEN = """
WITH staged_points (entry, run_id, key, step, value, recorded_at) AS (
    SELECT * FROM unnest($1::integer[], $2::uuid[], $3::text[], $4::bigint[], $5::double precision[], $6::timestamptz[])
),"""
COPY_FROM = 500  # rows

_NEW_KEYS = """
SELECT run_id, key FROM unnest($1::uuid[], $2::text[]) AS given (run_id, key)
WHERE NOT EXISTS (SELECT FROM latest_metrics AS stored WHERE stored.run_id = given.run_id AND stored.key = given.key)
"""
_COUNT_KEYS = "SELECT run_id, count(*) FROM latest_metrics WHERE run_id = any($1::uuid[]) GROUP BY run_id"


class _Batch:
    """Entries by their place, and what is decided about them.

    twins: entries with the key of an earlier one, which decides for both.
    """

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.outcomes: dict[int, Outcome] = {}
        self.keys: dict[Name, int] = {}
        self.twins: dict[int, int] = {}
        self._points = {place: entry for place, entry in enumerate(entries) if isinstance(entry, LoggedPoints)}
        self.records = {place: entry for place, entry in enumerate(entries) if isinstance(entry, LineageEntry)}
        for place, entry in self._points.items():
            if entry.command.key and (first := self.keys.setdefault(name_of(entry.command), place)) != place:
                self.twins[place] = first

    def command(self, place: int) -> Command:
        return self._points[place].command

    def points(self) -> dict[int, LoggedPoints]:
        """Those that nothing is decided about."""
        return {
            place: entry
            for place, entry in self._points.items()
            if place not in self.outcomes and place not in self.twins
        }


class PostgresBatchWriter:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def write(self, entries: Sequence[Entry]) -> Sequence[Outcome]:
        batch = _Batch(entries)
        async with self._database.transaction() as tx:
            held = await _claimed(tx, batch)
            await _check_runs(tx, batch)
            await _check_keys(tx, batch)
            await _insert_points(tx, batch)
            await _record_stories(tx, batch)
            await _complete(tx, batch, held)
        for place, first in batch.twins.items():
            batch.outcomes[place] = same_answer(batch.command(place), batch.command(first), batch.outcomes[first])
        return [batch.outcomes[place] for place in range(len(entries))]


async def _claimed(tx: Transaction, batch: _Batch) -> Mapping[Name, int]:
    """The keys this transaction holds now; entries whose key was taken before are decided."""
    taken = await claim(tx.connection, {name: batch.command(place) for name, place in batch.keys.items()})
    for name, answer in taken.items():
        batch.outcomes[batch.keys[name]] = answer
    return {name: place for name, place in batch.keys.items() if name not in taken}


async def _check_runs(tx: Transaction, batch: _Batch) -> None:
    """Points go to runs of their own team that have not ended, those of a job to runs of its own execution."""
    asked = batch.points()
    if not asked:
        return
    rows = await tx.fetch(_RUNS, list({entry.run_id for entry in asked.values()}))
    there = {(row["team"], str(row["id"])): row for row in rows}
    for place, entry in asked.items():
        run = there.get((entry.team, entry.run_id))
        if run is None or not open_to(run["execution_id"], entry.execution_id):
            batch.outcomes[place] = no_run()
        elif run["status"] != RunStatus.RUNNING:
            batch.outcomes[place] = not_running(run["status"])


async def _check_keys(tx: Transaction, batch: _Batch) -> None:
    """Who would give a run more metrics than it may have is refused before anything is written: a batch that fails as a
    whole is written in pieces, and every other caller waits for them.
    """
    asked = batch.points()
    pairs = {(UUID(entry.run_id), point.key) for entry in asked.values() for point in entry.points}
    if not pairs:
        return
    new = {(row["run_id"], row["key"]) for row in await tx.fetch(_NEW_KEYS, *zip(*sorted(pairs), strict=True))}
    if not new:
        return
    rows = await tx.fetch(_COUNT_KEYS, list({run for run, _ in new}))
    counts = Counter({row["run_id"]: row["count"] for row in rows})
    for place, entry in asked.items():
        run = UUID(entry.run_id)
        grown = {(run, point.key) for point in entry.points} & new
        if counts[run] + len(grown) > MAX_KEYS:
            batch.outcomes[place] = FailedPrecondition(
                f"a run has at most {MAX_KEYS} metrics", reason="TOO_MANY_METRICS"
            )
            continue
        counts[run] += len(grown)
        new -= grown


async def _insert_points(tx: Transaction, batch: _Batch) -> None:
    """The first value of a step stays, within a batch as between batches."""
    entries = batch.points()
    first: dict[tuple[UUID, str, int], tuple[int, Point]] = {}
    for place, entry in entries.items():
        run = UUID(entry.run_id)
        for point in entry.points:
            first.setdefault((run, point.key, point.step), (place, point))
    if not first:
        return
    rows = [(place, run, key, step, point.value, point.at) for (run, key, step), (place, point) in first.items()]
    accepted = Counter(place for place, *_ in rows)
    accepted.subtract(await _late(tx, rows))
    batch.outcomes.update({place: accepted[place] for place in entries})


async def _late(tx: Transaction, rows: Sequence[tuple[Any, ...]]) -> list[int]:
    """Add the points; the entries of those that were there before, once for each."""
    if len(rows) < COPY_FROM:
        return [row["entry"] for row in await tx.fetch(f"{_AS_GIVEN}{_ADD}", *zip(*rows, strict=True))]
    with translated:
        await tx.connection.execute(_STAGE)
        await tx.connection.copy_records_to_table("staged_points", records=rows, columns=_COLUMNS)
    return [row["entry"] for row in await tx.fetch(f"{_AS_STAGED}{_ADD}")]


async def _record_stories(tx: Transaction, batch: _Batch) -> None:
    """An event that was taken before, here or by another replica, adds nothing."""
    if not batch.records:
        return
    fresh = await tx.inbox.fresh(CONSUMER, [entry.event_id for entry in batch.records.values()])
    found = [(entry.team, entry.record) for entry in batch.records.values() if entry.event_id in fresh]
    await PostgresLineage(tx).record_all(found)
    for place, entry in batch.records.items():
        batch.outcomes[place] = entry.record.rows if entry.event_id in fresh else 0


async def _complete(tx: Transaction, batch: _Batch, held: Mapping[Name, int]) -> None:
    """Store the answers of commands that were done; a failed one leaves its key for another try."""
    answers: dict[Name, bytes] = {}
    for name, place in held.items():
        outcome = batch.outcomes[place]
        if isinstance(outcome, int):
            answers[name] = batch.command(place).encode(outcome)
    with translated:
        await complete(tx.connection, answers)
        await release(tx.connection, [name for name in held if name not in answers])
