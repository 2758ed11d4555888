"""Second factors and recovery codes."""

from collections.abc import Sequence
from datetime import datetime

from asyncpg import Record
from fp_kernel.key_encryption import WrappedKey
from fp_postgres import Connection, Database

from fp_auth.adapters.postgres.statements import FIRST, affected
from fp_auth.domain.second_factors import SecondFactor


class PostgresSecondFactors:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def begin(self, factor: SecondFactor) -> bool:
        status = await self._connection.execute(
            """
            INSERT INTO second_factors (user_id, id, key_id, wrapped_key, sealed, begun_at)
            VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (user_id) DO UPDATE
            SET id = $2, key_id = $3, wrapped_key = $4, sealed = $5, begun_at = $6
            WHERE second_factors.confirmed_at IS NULL
            """,
            factor.user_id,
            factor.id,
            factor.key.key_id,
            factor.key.wrapped,
            factor.sealed,
            factor.begun_at,
        )
        return affected(status) == 1

    async def confirm(self, user_id: str, factor_id: str, step: int, now: datetime) -> bool:
        status = await self._connection.execute(
            """
            UPDATE second_factors SET confirmed_at = $4, last_step = $3
            WHERE user_id = $1 AND id = $2 AND confirmed_at IS NULL
            """,
            user_id,
            factor_id,
            step,
            now,
        )
        return affected(status) == 1

    async def turned_on(self, user_id: str) -> bool:
        return bool(
            await self._connection.fetchval(
                "SELECT EXISTS (SELECT FROM second_factors WHERE user_id = $1 AND confirmed_at IS NOT NULL)", user_id
            )
        )

    async def use_step(self, user_id: str, factor_id: str, step: int) -> bool:
        # One of two uses at once waits for the other's row and finds the step over.
        status = await self._connection.execute(
            """
            UPDATE second_factors SET last_step = $3
            WHERE user_id = $1 AND id = $2 AND confirmed_at IS NOT NULL AND last_step < $3
            """,
            user_id,
            factor_id,
            step,
        )
        return affected(status) == 1

    async def use_recovery_code(self, user_id: str, code_hash: bytes, now: datetime) -> bool:
        status = await self._connection.execute(
            "UPDATE recovery_codes SET used_at = $3 WHERE user_id = $1 AND code_hash = $2 AND used_at IS NULL",
            user_id,
            code_hash,
            now,
        )
        return affected(status) == 1

    async def replace_recovery_codes(self, user_id: str, hashes: Sequence[bytes]) -> None:
        await self._connection.execute("DELETE FROM recovery_codes WHERE user_id = $1", user_id)
        await self._connection.execute(
            "INSERT INTO recovery_codes (user_id, code_hash) SELECT $1, unnest($2::bytea[])", user_id, list(hashes)
        )

    async def remove(self, user_id: str) -> bool:
        status = await self._connection.execute(
            "DELETE FROM second_factors WHERE user_id = $1 AND confirmed_at IS NOT NULL", user_id
        )
        return affected(status) == 1

    async def replace_key(self, factor: SecondFactor, wrapped: WrappedKey) -> None:
        await self._connection.execute(
            """
            UPDATE second_factors SET key_id = $3, wrapped_key = $4
            WHERE user_id = $1 AND id = $2
            """,
            factor.user_id,
            factor.id,
            wrapped.key_id,
            wrapped.wrapped,
        )


class PostgresSecondFactorReads:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, user_id: str) -> SecondFactor | None:
        row = await self._database.fetchrow(
            """
            SELECT f.*, ARRAY(
                SELECT code_hash FROM recovery_codes c WHERE c.user_id = f.user_id AND c.used_at IS NULL) AS hashes
            FROM second_factors f
            WHERE f.user_id = $1
            """,
            user_id,
        )
        return _factor(row, frozenset(row["hashes"])) if row else None

    async def wrapped_by_others(self, key_id: str, after: str, limit: int) -> Sequence[SecondFactor]:
        rows = await self._database.fetch(
            "SELECT * FROM second_factors WHERE user_id > $2 AND key_id <> $1 ORDER BY user_id LIMIT $3",
            key_id,
            after or FIRST,
            limit,
        )
        return [_factor(row, frozenset()) for row in rows]


def _factor(row: Record, hashes: frozenset[bytes]) -> SecondFactor:
    return SecondFactor(
        user_id=str(row["user_id"]),
        id=str(row["id"]),
        key=WrappedKey(row["key_id"], row["wrapped_key"]),
        sealed=row["sealed"],
        begun_at=row["begun_at"],
        confirmed_at=row["confirmed_at"],
        last_step=row["last_step"],
        recovery_hashes=hashes,
    )
