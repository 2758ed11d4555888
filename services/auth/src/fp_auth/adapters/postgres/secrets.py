"""Secrets of teams: ciphertext and who did what with it."""

from collections.abc import Sequence
from datetime import datetime

from asyncpg import Record
from fp_kernel import PageRequest
from fp_kernel.key_encryption import WrappedKey
from fp_kernel.secret_references import SecretReference
from fp_postgres import Connection
from fp_postgres import Transaction as DatabaseTransaction

from fp_auth.adapters.postgres.statements import affected
from fp_auth.app.secret_ports import Held
from fp_auth.domain.secrets import SealedVersion, Secret, Version, VersionStatus

_VERSION = "v.number, v.status, v.created_by, v.created_at, v.changed_by, v.changed_at"
_SEALED = "v.team, v.name, v.number, v.status, v.key_id, v.wrapped_key, v.sealed"
_LOCK = """
SELECT s.deleted_at IS NULL AS living, s.last_version,
       (SELECT count(*) FROM secret_versions v
        WHERE v.team = s.team AND v.name = s.name AND v.status <> 'DESTROYED') AS versions
FROM secrets s WHERE s.team = $1 AND s.name = $2 FOR UPDATE OF s
"""
_COUNT = "SELECT count(*) FROM secrets WHERE team = $1 AND deleted_at IS NULL"
_ADD = """
INSERT INTO secrets (team, name, created_by, created_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (team, name) DO UPDATE SET created_by = $3, created_at = $4, deleted_at = NULL
"""
_ADD_VERSION = """
INSERT INTO secret_versions (team, name, number, status, key_id, wrapped_key, sealed, created_by, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_COUNT_ON = "UPDATE secrets SET last_version = $3 WHERE team = $1 AND name = $2"
_FIND_VERSION = f"SELECT {_VERSION} FROM secret_versions v WHERE team = $1 AND name = $2 AND number = $3"  # noqa: S608 -- a constant
_SAVE = """
UPDATE secret_versions
SET status = $4, changed_by = $5, changed_at = $6,
    sealed = CASE WHEN $4 = 'DESTROYED' THEN '' ELSE sealed END,
    wrapped_key = CASE WHEN $4 = 'DESTROYED' THEN '' ELSE wrapped_key END
WHERE team = $1 AND name = $2 AND number = $3
"""
_DELETE = "UPDATE secrets SET deleted_at = $3 WHERE team = $1 AND name = $2 AND deleted_at IS NULL"
_DELETE_VERSIONS = "DELETE FROM secret_versions WHERE team = $1 AND name = $2"
_REPLACE_KEY = """
UPDATE secret_versions SET key_id = $5, wrapped_key = $6
WHERE team = $1 AND name = $2 AND number = $3 AND key_id = $4 AND status <> 'DESTROYED'
"""
_PAGE = f"""
SELECT s.name, s.created_by AS made_by, s.created_at AS made_at, {_VERSION}
FROM (
    SELECT * FROM secrets WHERE team = $1 AND deleted_at IS NULL AND name > $2 ORDER BY name LIMIT $3
) AS s JOIN secret_versions v ON v.team = s.team AND v.name = s.name AND v.number = s.last_version
ORDER BY s.name
"""  # noqa: S608 -- a constant
_VERSIONS = f"""
SELECT {_VERSION} FROM secret_versions v
WHERE team = $1 AND name = $2 AND number < $3 ORDER BY number DESC LIMIT $4
"""  # noqa: S608 -- a constant
_FIND_SEALED = f"""
SELECT {_SEALED} FROM secrets s JOIN secret_versions v ON v.team = s.team AND v.name = s.name
WHERE s.team = $1 AND s.name = $2 AND s.deleted_at IS NULL
      AND v.number = CASE WHEN $3::integer = 0 THEN s.last_version ELSE $3::integer END
"""  # noqa: S608 -- a constant
_BY_OTHERS = f"""
SELECT {_SEALED} FROM secret_versions v
WHERE key_id <> $1 AND status <> 'DESTROYED' AND (team, name, number) > ($2, $3, $4::integer)
ORDER BY team, name, number LIMIT $5
"""  # noqa: S608 -- a constant
_BEYOND = 2**31 - 1


class PostgresSecrets:
    """`app.secret_ports.Secrets` within a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def lock_team(self, team: str) -> int:
        await self._connection.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"fp_auth:secrets of {team}"
        )
        return int(await self._connection.fetchval(_COUNT, team))

    async def lock(self, team: str, name: str) -> Held:
        row = await self._connection.fetchrow(_LOCK, team, name)
        return Held(row["living"], row["last_version"], row["versions"]) if row else Held(False, 0, 0)

    async def add(self, team: str, name: str, by: str, now: datetime) -> None:
        await self._connection.execute(_ADD, team, name, by, now)

    async def add_version(self, team: str, sealed: SealedVersion, version: Version) -> None:
        await self._connection.execute(
            _ADD_VERSION,
            team,
            sealed.name,
            version.number,
            version.status,
            sealed.data_key.key_id,
            sealed.data_key.wrapped,
            sealed.sealed,
            version.created_by,
            version.created_at,
        )
        await self._connection.execute(_COUNT_ON, team, sealed.name, version.number)

    async def version(self, team: str, name: str, number: int) -> Version | None:
        row = await self._connection.fetchrow(_FIND_VERSION, team, name, number)
        return _to_version(row) if row else None

    async def save_version(self, team: str, name: str, version: Version) -> None:
        await self._connection.execute(
            _SAVE, team, name, version.number, version.status, version.changed_by, version.changed_at
        )

    async def delete(self, team: str, name: str, now: datetime) -> bool:
        if not affected(await self._connection.execute(_DELETE, team, name, now)):
            return False
        await self._connection.execute(_DELETE_VERSIONS, team, name)
        return True

    async def replace_key(self, sealed: SealedVersion, team: str, wrapped: WrappedKey) -> None:
        facts = (team, sealed.name, sealed.number, sealed.data_key.key_id)
        await self._connection.execute(_REPLACE_KEY, *facts, wrapped.key_id, wrapped.wrapped)


class PostgresSecretReads:
    """`app.secret_ports.SecretReads` on a database."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def page(self, team: str, page: PageRequest) -> Sequence[Secret]:
        rows = await self._connection.fetch(_PAGE, team, page.after[0] if page.after else "", page.size + 1)
        return [Secret(row["name"], row["made_by"], row["made_at"], _to_version(row)) for row in rows]

    async def versions(self, team: str, name: str, page: PageRequest) -> Sequence[Version]:
        before = int(page.after[0]) if page.after else _BEYOND
        rows = await self._connection.fetch(_VERSIONS, team, name, before, page.size + 1)
        return [_to_version(row) for row in rows]

    async def sealed(self, team: str, reference: SecretReference) -> SealedVersion | None:
        row = await self._connection.fetchrow(_FIND_SEALED, team, reference.name, reference.version)
        return _to_sealed(row) if row else None

    async def wrapped_by_others(
        self, key_id: str, after: tuple[str, str, int], limit: int
    ) -> Sequence[tuple[str, SealedVersion]]:
        rows = await self._connection.fetch(_BY_OTHERS, key_id, *after, limit)
        return [(row["team"], _to_sealed(row)) for row in rows]


class PostgresSecretTransaction:
    """`app.secret_ports.SecretTransaction`; made by `DatabaseTransactions`."""

    def __init__(self, transaction: DatabaseTransaction) -> None:
        self.secrets = PostgresSecrets(transaction)
        self._transaction = transaction

    async def complete(self, result: object) -> None:
        await self._transaction.complete(result)


def _to_version(row: Record) -> Version:
    return Version(
        number=row["number"],
        status=VersionStatus(row["status"]),
        created_by=row["created_by"],
        created_at=row["created_at"],
        changed_by=row["changed_by"],
        changed_at=row["changed_at"],
    )


def _to_sealed(row: Record) -> SealedVersion:
    key = WrappedKey(row["key_id"], row["wrapped_key"])
    return SealedVersion(row["name"], row["number"], VersionStatus(row["status"]), key, row["sealed"])
