"""Claims on contents of the object store; the database's clock decides, so that replicas agree."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from fp_postgres import Database, Transaction

# A deletion that nobody answered may still happen for a while; until then the content is not given free.
_RETRY = timedelta(minutes=10)


class PostgresContents:
    """`app.ports.Contents` within one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def refer(self, key: str) -> bool:
        # Waits for whoever dooms it. Without a claim it was deleted, or a twin's version has taken the claim with it.
        status = await self._transaction.execute("DELETE FROM artifact_claims WHERE key = $1 AND NOT doomed", key)
        if status == "DELETE 1":
            return True
        found: bool = await self._transaction.fetchval(
            "SELECT EXISTS (SELECT FROM versions WHERE artifact_path = $1 AND status = 'READY')", key
        )
        return found


class PostgresContentClaims:
    """`app.ports.ContentClaims` on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, key: str, lease: timedelta) -> bool:
        claimed = await self._database.fetchval(
            """
            INSERT INTO artifact_claims (key, claimed_until) VALUES ($1, now() + $2)
            ON CONFLICT (key) DO UPDATE
            SET claimed_until = greatest(artifact_claims.claimed_until, excluded.claimed_until)
            WHERE NOT artifact_claims.doomed
            RETURNING key
            """,
            key,
            lease,
        )
        return claimed is not None

    async def doom(self, limit: int) -> Sequence[str]:
        while due := await self._due(limit):
            doomed = [key for key, referred in due.items() if not referred]
            if doomed:
                return doomed
        return []

    async def _due(self, limit: int) -> Mapping[str, bool]:
        """Claims that ended, and whether a version has the content. Those that none has are doomed, others go.

        Whoever makes a version READY deletes the claim in the same transaction: of a row that is locked here, every
        version that has the content is visible here, and there will be none once it is doomed.
        """
        rows = await self._database.fetch(
            """
            WITH ended AS (
                SELECT key FROM artifact_claims WHERE claimed_until < now()
                ORDER BY claimed_until LIMIT $1 FOR UPDATE SKIP LOCKED
            ), due AS MATERIALIZED (
                -- Not EXISTS: the planner would read all versions once instead of one for each key.
                SELECT e.key, (SELECT true FROM versions v WHERE v.artifact_path = e.key AND v.status = 'READY'
                               LIMIT 1) IS NOT NULL AS referred
                FROM ended e
            ), released AS (
                DELETE FROM artifact_claims WHERE key = ANY(ARRAY(SELECT key FROM due WHERE referred))
            ), doomed AS (
                UPDATE artifact_claims SET doomed = true, claimed_until = now() + $2
                WHERE key = ANY(ARRAY(SELECT key FROM due WHERE NOT referred))
            )
            SELECT key, referred FROM due
            """,
            limit,
            _RETRY,
        )
        return {row["key"]: row["referred"] for row in rows}

    async def forget(self, keys: Sequence[str]) -> None:
        await self._database.execute("DELETE FROM artifact_claims WHERE key = ANY($1::text[]) AND doomed", list(keys))
