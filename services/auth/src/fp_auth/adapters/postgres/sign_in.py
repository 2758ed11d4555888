"""External identities, device codes, and tokens that are good once."""

from datetime import datetime

from asyncpg import Record
from fp_postgres import Connection

from fp_auth.adapters.postgres.statements import affected
from fp_auth.app.sign_in_ports import KnownIdentity
from fp_auth.domain.program_sign_in import DeviceSignIn


class PostgresIdentities:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def find(self, issuer: str, subject: str) -> KnownIdentity | None:
        row = await self._connection.fetchrow(
            """
            SELECT issuer, user_id, signed_in_at FROM external_identities
            WHERE issuer = $1 AND subject = $2
            """,
            issuer,
            subject,
        )
        return _identity(row)

    async def of_user(self, user_id: str) -> KnownIdentity | None:
        row = await self._connection.fetchrow(
            """
            SELECT issuer, user_id, signed_in_at FROM external_identities
            WHERE user_id = $1
            ORDER BY signed_in_at DESC
            LIMIT 1
            """,
            user_id,
        )
        return _identity(row)

    async def save(self, issuer: str, subject: str, user_id: str, now: datetime) -> None:
        await self._connection.execute(
            """
            INSERT INTO external_identities (issuer, subject, user_id, signed_in_at) VALUES ($1, $2, $3, $4)
            ON CONFLICT (issuer, subject)
            DO UPDATE SET user_id = EXCLUDED.user_id, signed_in_at = EXCLUDED.signed_in_at
            """,
            issuer,
            subject,
            user_id,
            now,
        )


class PostgresDeviceSignIns:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, sign_in: DeviceSignIn) -> bool:
        status = await self._connection.execute(
            """
            INSERT INTO device_sign_ins (device_hash, user_code, program, ends_at) VALUES ($1, $2, $3, $4)
            ON CONFLICT (user_code) DO NOTHING
            """,
            sign_in.device_hash,
            sign_in.user_code,
            sign_in.program,
            sign_in.ends,
        )
        return affected(status) == 1

    async def find(self, device_hash: bytes) -> DeviceSignIn | None:
        row = await self._connection.fetchrow(
            """
            SELECT device_hash, user_code, program, ends_at, decided_at, user_id FROM device_sign_ins
            WHERE device_hash = $1
            """,
            device_hash,
        )
        return _device(row)

    async def lock_by_code(self, user_code: str) -> DeviceSignIn | None:
        row = await self._connection.fetchrow(
            """
            SELECT device_hash, user_code, program, ends_at, decided_at, user_id FROM device_sign_ins
            WHERE user_code = $1
            FOR UPDATE
            """,
            user_code,
        )
        return _device(row)

    async def decide(self, user_code: str, user_id: str, now: datetime) -> None:
        await self._connection.execute(
            "UPDATE device_sign_ins SET decided_at = $2, user_id = $3 WHERE user_code = $1",
            user_code,
            now,
            user_id or None,
        )

    async def take(self, device_hash: bytes) -> DeviceSignIn | None:
        row = await self._connection.fetchrow(
            """
            DELETE FROM device_sign_ins WHERE device_hash = $1
            RETURNING device_hash, user_code, program, ends_at, decided_at, user_id
            """,
            device_hash,
        )
        return _device(row)

    async def open(self, most: int) -> int:
        return int(
            await self._connection.fetchval(
                "SELECT count(*) FROM (SELECT FROM device_sign_ins LIMIT $1) AS found", most
            )
        )

    async def prune(self, now: datetime, limit: int) -> int:
        return affected(
            await self._connection.execute(
                """
                DELETE FROM device_sign_ins WHERE ctid = ANY (ARRAY(
                    SELECT ctid FROM device_sign_ins WHERE ends_at < $1 ORDER BY ends_at LIMIT $2))
                """,
                now,
                limit,
            )
        )


class PostgresSpentTokens:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def spend(self, digest: bytes, ends: datetime) -> bool:
        status = await self._connection.execute(
            "INSERT INTO spent_tokens (digest, ends_at) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING", digest, ends
        )
        return affected(status) == 1

    async def prune(self, now: datetime, limit: int) -> int:
        return affected(
            await self._connection.execute(
                """
                DELETE FROM spent_tokens WHERE ctid = ANY (ARRAY(
                    SELECT ctid FROM spent_tokens WHERE ends_at < $1 ORDER BY ends_at LIMIT $2))
                """,
                now,
                limit,
            )
        )


def _identity(row: Record | None) -> KnownIdentity | None:
    return KnownIdentity(row["issuer"], str(row["user_id"]), row["signed_in_at"]) if row else None


def _device(row: Record | None) -> DeviceSignIn | None:
    if row is None:
        return None
    return DeviceSignIn(
        device_hash=row["device_hash"],
        user_code=row["user_code"],
        program=row["program"],
        ends=row["ends_at"],
        decided_at=row["decided_at"],
        user_id=str(row["user_id"]) if row["user_id"] else "",
    )
