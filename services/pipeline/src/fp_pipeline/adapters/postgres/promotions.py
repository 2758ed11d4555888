"""Promotions that can be taken back."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from asyncpg import Record
from fp_postgres import Database, Transaction

from fp_pipeline.domain.objective import Objective
from fp_pipeline.domain.promotion import Promotion, PromotionState

COLUMNS = """
    team, model_name, model_id, execution_id::text, runtime, version, version_id, incumbent, before, objective,
    promoted_at, warm_until, actor, state, reason, ended_by, ended_at
"""
_BEFORE_ALL = (datetime.min.replace(tzinfo=UTC), "", "")


class PostgresPromotions:
    """Inside a transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def watch(self, promotion: Promotion) -> None:
        await self._transaction.execute(
            """
            INSERT INTO promotions AS kept (team, model_name, model_id, execution_id, runtime, version, version_id,
                incumbent, before, objective, promoted_at, warm_until, actor, state, reason, ended_by)
            VALUES ($1, $2, $3, $4::uuid, $5, $6, $7, $8, $9::jsonb, $10::jsonb, $11, $12, $13, 'WATCHED', '', '')
            ON CONFLICT (team, model_name) DO UPDATE SET model_id = excluded.model_id,
                execution_id = excluded.execution_id, runtime = excluded.runtime, version = excluded.version,
                version_id = excluded.version_id, incumbent = excluded.incumbent, before = excluded.before,
                objective = excluded.objective, promoted_at = excluded.promoted_at, warm_until = excluded.warm_until,
                actor = excluded.actor, state = 'WATCHED', reason = '', ended_by = '', ended_at = NULL
            """,
            promotion.team,
            promotion.model_name,
            promotion.model_id,
            promotion.execution_id,
            promotion.runtime,
            promotion.version,
            promotion.version_id,
            promotion.incumbent,
            json.dumps(dict(promotion.before)),
            json.dumps(asdict(promotion.objective)),
            promotion.promoted_at,
            promotion.warm_until,
            promotion.actor,
        )

    async def lock(self, team: str, model_name: str) -> Promotion | None:
        row = await self._transaction.fetchrow(
            f"SELECT {COLUMNS} FROM promotions WHERE team = $1 AND model_name = $2 FOR UPDATE",  # noqa: S608 -- constants
            team,
            model_name,
        )
        return _promotion(row) if row else None

    async def change(self, promotion: Promotion) -> None:
        await self._transaction.execute(
            """
            UPDATE promotions SET state = $3, reason = $4, ended_by = $5, ended_at = $6, actor = $7
            WHERE team = $1 AND model_name = $2
            """,
            promotion.team,
            promotion.model_name,
            promotion.state,
            promotion.reason,
            promotion.ended_by,
            promotion.ended_at,
            promotion.actor,
        )

    async def claim_turn(self, promotion: Promotion) -> str:
        # Its execution has ended; `take_turn` would refuse it. No change of weights may cross this one.
        holder = await self._transaction.fetchval(
            """
            INSERT INTO deployment_turns AS t (team, model_name, execution_id) VALUES ($1, $2, $3::uuid)
            ON CONFLICT (team, model_name) DO UPDATE SET execution_id = t.execution_id
            RETURNING execution_id::text
            """,
            promotion.team,
            promotion.model_name,
            promotion.execution_id,
        )
        return str(holder)


class PostgresPromotionReads:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, team: str, model_name: str) -> Promotion | None:
        row = await self._database.fetchrow(
            f"SELECT {COLUMNS} FROM promotions WHERE team = $1 AND model_name = $2",  # noqa: S608 -- constants
            team,
            model_name,
        )
        return _promotion(row) if row else None

    async def unended(self, after: Promotion | None, limit: int) -> Sequence[Promotion]:
        rows = await self._database.fetch(
            f"""
            SELECT {COLUMNS} FROM promotions
            WHERE state IN ('WATCHED', 'ROLLING_BACK') AND (promoted_at, team, model_name) > ($1, $2, $3)
            ORDER BY promoted_at, team, model_name LIMIT $4
            """,  # noqa: S608 -- constants
            *((after.promoted_at, *after.place) if after else _BEFORE_ALL),
            limit,
        )
        return [_promotion(row) for row in rows]


def _promotion(row: Record) -> Promotion:
    fields = dict(row.items())
    return Promotion(
        **{
            **fields,
            "before": json.loads(fields["before"]),
            "objective": Objective(**json.loads(fields["objective"])),
            "state": PromotionState(fields["state"]),
        }
    )
