"""Counted requests, and the reports of drift that have had their answer."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from fp_postgres import Database, Transaction

from fp_pipeline.domain.statistics import Counts, Gap, Key, Try, bucketed

_BITE = 5_000  # rows a statement: short locks


class PostgresStatistics:
    """Inside a transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def count(self, consumer: str, tries: Sequence[Try]) -> int:
        fresh = await self._transaction.inbox.fresh(consumer, [each.event_id for each in tries])
        # By id: a batch may hold an event twice.
        new = {(each.event_id, each.part): each for each in tries if each.event_id in fresh}
        counted = bucketed(new.values())
        if not counted:
            return 0
        # In one order everywhere: two replicas wait for each other, and do not lock each other out.
        rows = sorted(counted.items())
        columns = list(zip(*(bucket for bucket, _ in rows), strict=True))
        await self._transaction.execute(
            """
            INSERT INTO request_counts AS kept (team, model_name, version, minute, outcome, bin, count)
            SELECT * FROM unnest(
                $1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::smallint[], $7::bigint[]
            )
            ON CONFLICT (team, model_name, minute, version, outcome, bin)
            DO UPDATE SET count = kept.count + excluded.count
            """,
            *map(list, columns),
            [count for _, count in rows],
        )
        return len(new)

    async def lost(self, consumer: str, gap: Gap) -> None:
        await self._transaction.execute(
            """
            INSERT INTO statistics_gaps (consumer, since, until, events) VALUES ($1, $2, $3, $4)
            ON CONFLICT (consumer, until) DO UPDATE SET since = least(statistics_gaps.since, excluded.since),
                events = greatest(statistics_gaps.events, excluded.events)
            """,
            consumer,
            gap.since,
            gap.until,
            gap.events,
        )


class PostgresRetrains:
    """Inside a transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def claim(self, team: str, report_id: str, execution_id: str) -> bool:
        claimed = await self._transaction.fetchval(
            """
            INSERT INTO retrains (team, report_id, execution_id) VALUES ($1, $2, $3::uuid)
            ON CONFLICT DO NOTHING RETURNING true
            """,
            team,
            report_id,
            execution_id,
        )
        return claimed is not None


class PostgresStatisticsReads:
    def __init__(self, database: Database, consumer: str) -> None:
        """consumer: whose gaps are those of the counts."""
        self._database = database
        self._consumer = consumer

    async def since(self, team: str, model_name: str, moment: datetime) -> Mapping[str, Counts]:
        rows = await self._database.fetch(
            """
            SELECT version, outcome, bin, sum(count)::bigint AS count FROM request_counts
            WHERE team = $1 AND model_name = $2 AND minute >= $3 GROUP BY version, outcome, bin
            """,
            team,
            model_name,
            moment.replace(second=0, microsecond=0),
        )
        found: defaultdict[str, dict[Key, int]] = defaultdict(dict)
        for row in rows:
            found[row["version"]][row["outcome"], row["bin"]] = row["count"]
        return {version: Counts(counted) for version, counted in found.items()}

    async def newest_gap(self, moment: datetime) -> Gap | None:
        row = await self._database.fetchrow(
            """
            SELECT since, until, events FROM statistics_gaps WHERE consumer = $1 AND until >= $2
            ORDER BY until DESC LIMIT 1
            """,
            self._consumer,
            moment,
        )
        return Gap(row["since"], row["until"], row["events"]) if row else None

    async def forget(self, before: datetime) -> int:
        # Gaps are few: one an outage that a whole stream was too short for.
        status = await self._database.execute(
            "DELETE FROM statistics_gaps WHERE consumer = $1 AND until < $2", self._consumer, before
        )
        return int(status.rpartition(" ")[2]) + await self._forget_counts(before)

    async def _forget_counts(self, before: datetime) -> int:
        deleted, bite = 0, _BITE
        while bite == _BITE:
            status = await self._database.execute(
                """
                DELETE FROM request_counts WHERE ctid = ANY (ARRAY(
                    SELECT ctid FROM request_counts WHERE minute < $1 ORDER BY minute LIMIT $2
                ))
                """,
                before,
                _BITE,
            )
            bite = int(status.rpartition(" ")[2])
            deleted += bite
        return deleted
