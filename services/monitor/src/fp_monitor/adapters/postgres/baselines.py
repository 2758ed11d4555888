"""Baselines of versions, and which version is in production."""

from datetime import datetime

from fp_kernel import invalid
from fp_postgres import Connection

from fp_monitor.adapters.profiles import baseline_from
from fp_monitor.app.ports import Promotion
from fp_monitor.domain.baseline import Baseline


def readable(promotion: Promotion) -> None:
    """Raises InvalidArgument for a profile that contradicts itself: counting by it would fail with every prediction."""
    try:
        baseline_from(promotion.version, promotion.profile)
    except ValueError as error:
        raise invalid("baseline_profile", str(error)) from error


class PostgresBaselines:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def store(self, promotion: Promotion) -> bool:
        if promotion.profile:
            readable(promotion)
            await self._connection.execute(
                """
                INSERT INTO baselines (team, model_name, version, profile, promoted_at, replaced_at)
                VALUES ($1, $2, $3, $4, $5, $5)
                ON CONFLICT (team, model_name, version) DO UPDATE SET promoted_at = excluded.promoted_at
                """,
                promotion.team,
                promotion.model_name,
                promotion.version,
                promotion.profile,
                promotion.at,
            )
        newest = await self._connection.fetchval(
            """
            INSERT INTO production AS present (team, model_name, model_id, version, promoted_at, sequence)
            VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (team, model_name) DO UPDATE
                SET model_id = $3, version = $4, promoted_at = $5, sequence = $6
                WHERE present.sequence < $6
            RETURNING true
            """,
            promotion.team,
            promotion.model_name,
            promotion.model_id,
            promotion.version,
            promotion.at,
            promotion.sequence,
        )
        if newest is None:
            return False
        await self._replace(promotion)
        return True

    async def _replace(self, promotion: Promotion) -> None:
        """From now on the age of the version before counts."""
        await self._connection.execute(
            """
            UPDATE baselines SET replaced_at = CASE WHEN version = $3 THEN NULL ELSE $4::timestamptz END
            WHERE team = $1 AND model_name = $2 AND (replaced_at IS NULL OR version = $3)
            """,
            promotion.team,
            promotion.model_name,
            promotion.version,
            promotion.at,
        )

    async def hold(self, team: str, model_name: str, version: str) -> bool:
        found = await self._connection.fetchval(
            "SELECT true FROM baselines WHERE team = $1 AND model_name = $2 AND version = $3 FOR SHARE",
            team,
            model_name,
            version,
        )
        return found is not None

    async def production(self, team: str, model_name: str) -> Promotion | None:
        row = await self._connection.fetchrow(
            """
            SELECT model_id, version, promoted_at, sequence FROM production WHERE team = $1 AND model_name = $2
            """,
            team,
            model_name,
        )
        if row is None:
            return None
        return Promotion(team, row["model_id"], model_name, row["version"], b"", row["promoted_at"], row["sequence"])

    async def find(self, team: str, model_name: str, version: str) -> tuple[Baseline, datetime] | None:
        row = await self._connection.fetchrow(
            """
            SELECT profile, promoted_at FROM baselines WHERE team = $1 AND model_name = $2 AND version = $3
            """,
            team,
            model_name,
            version,
        )
        return (baseline_from(version, row["profile"]), row["promoted_at"]) if row else None
