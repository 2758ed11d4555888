"""Signing keys: public halves in the clear, private ones sealed."""

from collections.abc import Sequence
from datetime import datetime

from fp_postgres import Connection

from fp_auth.app.ports import SigningKey
from fp_auth.domain.signing import KeyLife


class PostgresSigningKeys:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def all(self) -> Sequence[SigningKey]:
        rows = await self._connection.fetch(
            """
            SELECT kid, public_jwk, sealed, created_at, signs_from, retired_at
            FROM signing_keys
            ORDER BY created_at, kid
            """
        )
        return [
            SigningKey(
                KeyLife(row["kid"], row["created_at"], row["signs_from"], row["retired_at"]),
                row["public_jwk"],
                row["sealed"],
            )
            for row in rows
        ]

    async def add(self, key: SigningKey) -> None:
        await self._connection.execute(
            "INSERT INTO signing_keys (kid, public_jwk, sealed, created_at, signs_from) VALUES ($1, $2, $3, $4, $5)",
            key.life.kid,
            key.public_jwk,
            key.sealed,
            key.life.created_at,
            key.life.signs_from,
        )

    async def promote(self, kid: str, now: datetime) -> None:
        await self._connection.execute("UPDATE signing_keys SET signs_from = $2 WHERE kid = $1", kid, now)

    async def retire(self, kid: str, now: datetime) -> None:
        await self._connection.execute("UPDATE signing_keys SET retired_at = $2 WHERE kid = $1", kid, now)

    async def drop(self, kids: Sequence[str]) -> None:
        await self._connection.execute("DELETE FROM signing_keys WHERE kid = ANY($1::text[])", list(kids))
