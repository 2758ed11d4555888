"""API keys: digests, never the keys."""

from collections.abc import Sequence
from datetime import datetime

from asyncpg import Record
from fp_kernel import PageRequest
from fp_kernel.identity import KeyLimits
from fp_postgres import Connection

from fp_auth.adapters.postgres.statements import FIRST
from fp_auth.adapters.postgres.users import ROLE
from fp_auth.app.ports import KeyHolder
from fp_auth.domain.api_keys import ApiKey
from fp_auth.domain.users import Role, User

KEY = """
k.id, k.team, k.user_id, k.name, k.prefix, k.scopes, k.created_at, k.expires_at, k.revoked_at, k.last_used_at,
k.replaced_by, k.created_by_key, k.service_account, k.predictions_per_second, k.predictions_in_flight
"""


class PostgresApiKeys:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, key: ApiKey, key_hash: bytes, created_by: str) -> None:
        await self._connection.execute(
            """
            INSERT INTO api_keys
                (id, team, user_id, name, prefix, key_hash, scopes, created_by, created_at, expires_at, created_by_key,
                 service_account, predictions_per_second, predictions_in_flight)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
            """,
            key.id,
            key.team,
            key.user_id or None,
            key.name,
            key.prefix,
            key_hash,
            sorted(key.scopes),
            created_by,
            key.created_at,
            key.expires_at,
            key.created_by_key or None,
            key.service_account or None,
            key.limits.predictions_per_second,
            key.limits.predictions_in_flight,
        )

    async def find_by_hash(self, key_hash: bytes) -> KeyHolder | None:
        row = await self._connection.fetchrow(
            f"""
            SELECT {KEY},
                   u.email, u.name AS user_name, {ROLE} AS role, u.created_at AS user_created_at, u.password_hash,
                   coalesce(own.scopes, r.scopes) AS role_scopes
            FROM api_keys k
            JOIN users u ON u.id = k.user_id
            LEFT JOIN roles r ON r.name = {ROLE}
            LEFT JOIN team_roles own ON own.team = u.team AND own.name = u.team_role
            LEFT JOIN teams t ON t.id = u.team
            WHERE k.key_hash = $1 AND u.disabled_at IS NULL AND u.deleted_at IS NULL AND t.suspended_at IS NULL
            """,  # noqa: S608 -- a constant
            key_hash,
        )
        return _to_holder(row) if row else None

    async def lock(self, team: str, key_id: str) -> ApiKey | None:
        row = await self._connection.fetchrow(
            f"""
            SELECT {KEY}
            FROM api_keys k
            WHERE team = $1 AND id = $2
            FOR UPDATE
            """,  # noqa: S608 -- a constant
            team,
            key_id,
        )
        return to_key(row) if row else None

    async def lock_made_by(self, key_id: str) -> Sequence[ApiKey]:
        rows = await self._connection.fetch(
            f"""
            WITH RECURSIVE line AS (
                SELECT id FROM api_keys WHERE created_by_key = $1
                UNION
                SELECT made.id FROM line JOIN api_keys made ON made.created_by_key = line.id
            )
            SELECT {KEY}
            FROM api_keys k
            WHERE k.id IN (SELECT id FROM line) AND k.revoked_at IS NULL
            ORDER BY k.id
            FOR UPDATE
            """,  # noqa: S608 -- a constant
            key_id,
        )
        return [to_key(row) for row in rows]

    async def lock_living(self, team: str, user_id: str) -> Sequence[ApiKey]:
        rows = await self._connection.fetch(
            f"""
            WITH RECURSIVE line AS (
                SELECT id FROM api_keys WHERE team = $1 AND user_id = $2 AND revoked_at IS NULL
                UNION
                SELECT made.id FROM line JOIN api_keys made ON made.created_by_key = line.id
            )
            SELECT {KEY}
            FROM api_keys k
            WHERE k.id IN (SELECT id FROM line) AND k.revoked_at IS NULL
            ORDER BY k.id
            FOR UPDATE
            """,  # noqa: S608 -- a constant
            team,
            user_id,
        )
        return [to_key(row) for row in rows]

    async def save(self, key: ApiKey) -> None:
        await self._connection.execute(
            "UPDATE api_keys SET expires_at = $2, revoked_at = $3, replaced_by = $4 WHERE id = $1",
            key.id,
            key.expires_at,
            key.revoked_at,
            key.replaced_by or None,
        )

    async def touch(self, key_id: str, minute: datetime) -> None:
        await self._connection.execute(
            "UPDATE api_keys SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)",
            key_id,
            minute,
        )

    async def page(self, team: str, user_id: str, page: PageRequest, *, include_revoked: bool) -> Sequence[ApiKey]:
        rows = await self._connection.fetch(
            f"""
            SELECT {KEY}
            FROM api_keys k
            WHERE team = $1 AND user_id = $2 AND id > $3 AND ($4 OR revoked_at IS NULL)
            ORDER BY id
            LIMIT $5
            """,  # noqa: S608 -- a constant
            team,
            user_id,
            page.after[0] if page.after else FIRST,
            include_revoked,
            page.size + 1,
        )
        return [to_key(row) for row in rows]


def to_key(row: Record) -> ApiKey:
    return ApiKey(
        id=str(row["id"]),
        team=row["team"],
        user_id=str(row["user_id"] or ""),
        name=row["name"],
        prefix=row["prefix"],
        scopes=frozenset(row["scopes"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        last_used_at=row["last_used_at"],
        replaced_by=str(row["replaced_by"] or ""),
        created_by_key=str(row["created_by_key"] or ""),
        service_account=str(row["service_account"] or ""),
        limits=KeyLimits(row["predictions_per_second"], row["predictions_in_flight"]),
    )


def _to_holder(row: Record) -> KeyHolder:
    user = User(
        id=str(row["user_id"]),
        email=row["email"],
        name=row["user_name"],
        team=row["team"],
        role=row["role"],
        created_at=row["user_created_at"],
        password_hash=row["password_hash"],
    )
    return KeyHolder(to_key(row), user, Role(row["role"], frozenset(row["role_scopes"])))
