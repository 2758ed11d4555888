"""Whose predictions were erased."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from fp_postgres import Connection

from fp_monitor.app.log_ports import Model
from fp_monitor.domain.entities import ErasedEntity


class PostgresErasedEntities:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, team: str, model_name: str, entity: ErasedEntity, at: datetime) -> None:
        await self._connection.execute(
            """
            INSERT INTO log_erased_entities (team, model_name, name, digest, erased_at) VALUES ($1, $2, $3, $4, $5)
            """,
            team,
            model_name,
            entity.name,
            entity.digest,
            at,
        )

    async def count(self, team: str, model_name: str) -> int:
        found: int = await self._connection.fetchval(
            "SELECT count(*) FROM log_erased_entities WHERE team = $1 AND model_name = $2", team, model_name
        )
        return found

    async def of(self, models: Sequence[Model]) -> Mapping[Model, Sequence[ErasedEntity]]:
        rows = await self._connection.fetch(
            """
            SELECT e.team, e.model_name, e.name, e.digest, e.number
            FROM unnest($1::text[], $2::text[]) AS given (team, model_name)
            JOIN log_erased_entities e USING (team, model_name)
            """,
            [team for team, _ in models],
            [name for _, name in models],
        )
        found: dict[Model, list[ErasedEntity]] = {}
        for row in rows:
            entity = ErasedEntity(row["name"], row["digest"], row["number"])
            found.setdefault((row["team"], row["model_name"]), []).append(entity)
        return {model: sorted(entities, key=lambda each: each.number) for model, entities in found.items()}

    async def to_rewrite(self, after: Model) -> tuple[Model, int] | None:
        row = await self._connection.fetchrow(
            """
            SELECT team, model_name FROM log_erased_entities
            WHERE NOT rewritten AND (team, model_name) > ($1, $2)
            ORDER BY team, model_name LIMIT 1
            """,
            *after,
        )
        if row is None:
            return None
        model = row["team"], row["model_name"]
        last: int = await self._connection.fetchval(
            "SELECT max(number) FROM log_erased_entities WHERE team = $1 AND model_name = $2", *model
        )
        return model, last

    async def rewritten(self, team: str, model_name: str, number: int) -> None:
        await self._connection.execute(
            """
            UPDATE log_erased_entities SET rewritten = true
            WHERE team = $1 AND model_name = $2 AND number <= $3 AND NOT rewritten
            """,
            team,
            model_name,
            number,
        )

    async def forget(self, before: datetime, limit: int) -> int:
        status = await self._connection.execute(
            """
            DELETE FROM log_erased_entities WHERE ctid = ANY(array(
                SELECT ctid FROM log_erased_entities WHERE rewritten AND erased_at < $1 ORDER BY erased_at LIMIT $2))
            """,
            before,
            limit,
        )
        return int(status.rpartition(" ")[2])
