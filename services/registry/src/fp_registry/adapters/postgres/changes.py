"""The write side as the projector reads it."""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from asyncpg import Record
from fp_postgres import Database, Transaction

from fp_registry.adapters.postgres.rows import MODEL, VERSION_DOCUMENT, to_model, to_version
from fp_registry.app.projection_ports import Snapshot
from fp_registry.domain.model import Model

if TYPE_CHECKING:
    from fp_registry.domain.version import Version

_START = "00000000-0000-0000-0000-000000000000"


class PostgresUnprojected:
    """`app.ports.Unprojected` within one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def add(self, model: Model) -> None:
        await self._transaction.execute(
            """
            INSERT INTO unprojected (model_id, team, revision) VALUES ($1, $2, $3)
            ON CONFLICT (model_id) DO UPDATE SET revision = greatest(unprojected.revision, excluded.revision)
            """,
            model.id,
            model.team,
            model.revision,
        )


class PostgresChanges:
    """`app.ports.Changes` on a database. batch: models and versions together that are read at once, about."""

    def __init__(self, database: Database, *, batch: int = 500) -> None:
        self._database = database
        self._batch = batch

    async def after(self, team: str, model_id: str, revision: int) -> Snapshot | None:
        # One snapshot for both statements: a version must not be newer than the revision it is written with.
        async with self._database.transaction(isolation="repeatable_read") as tx:
            row = await tx.fetchrow(
                f"SELECT {MODEL} FROM models m WHERE m.team = $1 AND m.id = $2",  # noqa: S608 -- a constant
                team,
                model_id,
            )
            if row is None:
                return None
            versions = await tx.fetch(
                f"SELECT {VERSION_DOCUMENT} FROM versions v WHERE v.team = $1 AND v.model_id = $2 AND v.revision > $3",  # noqa: S608 -- a constant
                team,
                model_id,
                revision,
            )
        return Snapshot(to_model(row), tuple(to_version(version) for version in versions))

    async def everything(self) -> AsyncIterator[Sequence[Snapshot]]:
        after = _START
        while True:
            async with self._database.transaction(isolation="repeatable_read") as tx:
                batch = await self._some(tx, after)
            if not batch:
                return
            yield batch
            after = batch[-1].model.id

    async def _some(self, tx: Transaction, after: str) -> Sequence[Snapshot]:
        rows = await tx.fetch(
            f"SELECT {MODEL} FROM models m WHERE m.id > $1 ORDER BY m.id LIMIT $2",  # noqa: S608 -- a constant
            after,
            self._batch,
        )
        models = [to_model(row) for row in self._bounded(rows)]
        versions: dict[str, list[Version]] = defaultdict(list)
        for row in await tx.fetch(
            f"""
            SELECT {VERSION_DOCUMENT}
            FROM unnest($1::text[], $2::uuid[]) AS wanted (team, model_id)
            JOIN versions v ON v.team = wanted.team AND v.model_id = wanted.model_id
            """,  # noqa: S608 -- a constant
            [model.team for model in models],
            [model.id for model in models],
        ):
            version = to_version(row)
            versions[version.model_id].append(version)
        return [Snapshot(model, tuple(versions[model.id])) for model in models]

    def _bounded(self, rows: list[Record]) -> list[Record]:
        """The first rows whose versions fit into a batch; at least one."""
        weight = 0
        for index, row in enumerate(rows):
            weight += 1 + row["versions"]
            if weight > self._batch:
                return rows[: max(index, 1)]
        return rows

    async def unprojected(self, limit: int) -> Sequence[tuple[str, str, int]]:
        rows = await self._database.fetch(
            "SELECT team, model_id, revision FROM unprojected ORDER BY since LIMIT $1", limit
        )
        return [(row["team"], str(row["model_id"]), row["revision"]) for row in rows]

    async def note(self, team: str, model_ids: Sequence[str]) -> None:
        # The events' models are locked in one order, so that two replicas that note the same ones do not deadlock.
        await self._database.execute(
            """
            INSERT INTO unprojected (model_id, team, revision)
            SELECT id, team, revision FROM models WHERE team = $1 AND id = ANY($2::uuid[]) ORDER BY id
            ON CONFLICT (model_id) DO UPDATE SET revision = greatest(unprojected.revision, excluded.revision)
            """,
            team,
            list(model_ids),
        )

    async def projected(self, model_id: str, revision: int) -> None:
        await self._database.execute(
            "DELETE FROM unprojected WHERE model_id = $1 AND revision <= $2", model_id, revision
        )
