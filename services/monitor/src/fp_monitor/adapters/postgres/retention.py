"""Removal by age: predictions are dropped by their day, all else in small steps."""

from datetime import datetime, timedelta

from fp_postgres import Database, Transaction
from fp_postgres.partitions import Partitioned

_BITE = 5_000
# A profile has up to 256 KiB.
_BASELINES = 100
# With its statistics a report has some 4 KB, and its row is in six indexes.
_REPORTS = 500


def predictions(age: timedelta) -> Partitioned:
    """age: after the day in the request id. Events of predictions come within the three days of their stream."""
    return Partitioned("predictions", by="id", each="day", ahead=7, behind=4, retention=age)


class PostgresRetention:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def forget(self, before: datetime) -> int:
        """Delete a bite of predictions without a day in their id that were made before; how many there were."""
        undated = await self._database.execute(
            """
            DELETE FROM predictions_undated WHERE ctid = ANY(array(
                SELECT ctid FROM predictions_undated WHERE predicted_at < $1 ORDER BY predicted_at LIMIT $2))
            """,
            before,
            _BITE,
        )
        earlier = await self._database.execute(
            """
            DELETE FROM predictions_before WHERE ctid = ANY(array(
                SELECT ctid FROM predictions_before WHERE predicted_at < $1 LIMIT $2))
            """,
            before,
            _BITE,
        )
        return _number(undated) + _number(earlier)

    async def forget_reports(self, before: datetime) -> int:
        """Delete a bite of reports that are older; how many there were.

        Those stay that the monitor still refers to: its newest, and the one that asked for its last retraining.
        """
        status = await self._database.execute(
            """
            DELETE FROM reports WHERE id = ANY(array(
                SELECT r.id FROM reports r
                WHERE r.created_at < $1 AND NOT EXISTS (
                    SELECT FROM monitors m
                    WHERE m.id = r.monitor_id AND (m.reports = r.number OR m.retrain_report_id = r.id::text))
                ORDER BY r.created_at LIMIT $2))
            """,
            before,
            _REPORTS,
        )
        return _number(status)

    async def purge(self, team: str, model_name: str) -> bool:
        """Delete a bite of reports that were purged; False when none is left."""
        async with self._database.transaction() as tx:
            until = await tx.fetchval(
                "SELECT until FROM report_purges WHERE team = $1 AND model_name = $2 FOR UPDATE", team, model_name
            )
            if until is None:
                return False
            status = await tx.execute(
                """
                DELETE FROM reports WHERE id = ANY(array(
                    SELECT id FROM reports
                    WHERE team = $1 AND model_name = $2 AND created_at <= $3 ORDER BY id LIMIT $4))
                """,
                team,
                model_name,
                until,
                _REPORTS,
            )
            if _number(status) == _REPORTS:
                return True
            await tx.execute("DELETE FROM report_purges WHERE team = $1 AND model_name = $2", team, model_name)
        return False

    async def purge_any(self) -> bool:
        """A bite of any model whose reports were purged; False when there is no such model."""
        found = await self._database.fetchrow(
            "SELECT team, model_name FROM report_purges ORDER BY team, model_name LIMIT 1"
        )
        if found is not None:
            await self.purge(found["team"], found["model_name"])
        return found is not None

    async def forget_gaps(self, before: datetime) -> int:
        """Delete a bite of gaps that were noticed before; how many there were."""
        status = await self._database.execute(
            """
            DELETE FROM gaps WHERE ctid = ANY(array(
                SELECT ctid FROM gaps WHERE noticed_at < $1 ORDER BY noticed_at LIMIT $2))
            """,
            before,
            _BITE,
        )
        return _number(status)

    async def forget_baselines(self, before: datetime) -> int:
        """Delete a bite of baselines of versions that were replaced before; how many there were.

        Those stay with which a monitor compares. One that ResetBaseline holds is left for the next time.
        """
        status = await self._database.execute(
            """
            DELETE FROM baselines WHERE ctid = ANY(array(
                SELECT b.ctid FROM baselines b
                WHERE b.replaced_at < $1 AND NOT EXISTS (
                    SELECT FROM monitors m
                    WHERE m.team = b.team AND m.model_name = b.model_name AND m.baseline_version = b.version)
                ORDER BY b.replaced_at LIMIT $2 FOR UPDATE OF b SKIP LOCKED))
            """,
            before,
            _BASELINES,
        )
        return _number(status)

    async def delete(self) -> bool:
        """Delete a bite of the predictions of a monitor that was deleted; False when no such monitor is left."""
        async with self._database.transaction() as tx:
            found = await tx.fetchrow(
                """
                SELECT team, model_name, deleted_at, position FROM deletions
                ORDER BY team, model_name LIMIT 1 FOR UPDATE SKIP LOCKED
                """
            )
            if found is None:
                return False
            key = found["team"], found["model_name"]
            reached = await tx.fetchval(
                """
                SELECT max(request_id) FROM (
                    SELECT request_id FROM predictions
                    WHERE (team, model_name, request_id) > ($1, $2, $3) AND (team, model_name) <= ($1, $2)
                    ORDER BY team, model_name, request_id LIMIT $4
                ) bite
                """,
                *key,
                found["position"],
                _BITE,
            )
            if reached is not None:
                await tx.execute(
                    """
                    DELETE FROM predictions
                    WHERE team = $1 AND model_name = $2 AND request_id > $3 AND request_id <= $4 AND predicted_at <= $5
                    """,
                    *key,
                    found["position"],
                    reached,
                    found["deleted_at"],
                )
                await tx.execute(
                    "UPDATE deletions SET position = $3 WHERE team = $1 AND model_name = $2", *key, reached
                )
            elif not await self._earlier(tx, *key, found["deleted_at"]):
                await tx.execute("DELETE FROM deletions WHERE team = $1 AND model_name = $2", *key)
        return True

    async def _earlier(self, tx: Transaction, team: str, model_name: str, deleted_at: datetime) -> bool:
        # Compared as one row, so that the index is walked in its order: by single columns the planner expects few rows,
        # as it cannot know that a model has one team, and reads and sorts all of the model for each bite.
        status = await tx.execute(
            """
            DELETE FROM predictions_before WHERE ctid = ANY(array(
                SELECT ctid FROM predictions_before
                WHERE (team, model_name) >= ($1, $2) AND (team, model_name) <= ($1, $2) AND predicted_at <= $3
                ORDER BY team, model_name, request_id LIMIT $4))
            """,
            team,
            model_name,
            deleted_at,
            _BITE,
        )
        return not status.endswith(" 0")


def _number(status: str) -> int:
    """Of rows, in the answer to a DELETE."""
    return int(status.rpartition(" ")[2])
