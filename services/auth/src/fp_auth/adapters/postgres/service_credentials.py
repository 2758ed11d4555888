"""Digests of the services' own credentials."""

from collections.abc import Sequence
from datetime import datetime

from fp_postgres import Connection

from fp_auth.domain.credentials import OVERLAP


class PostgresServiceCredentials:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def hashes(self, service: str, now: datetime) -> Sequence[bytes]:
        rows = await self._connection.fetch(
            """
            SELECT secret_hash FROM service_credentials
            WHERE service = $1 AND (superseded_at IS NULL OR superseded_at > $2)
            """,
            service,
            now - OVERLAP,
        )
        return [row["secret_hash"] for row in rows]

    async def replace(self, credentials: Sequence[tuple[str, bytes]], now: datetime) -> None:
        services = [service for service, _ in credentials]
        hashes = [secret_hash for _, secret_hash in credentials]
        await self._connection.execute(
            """
            INSERT INTO service_credentials (service, secret_hash, seeded_at)
            SELECT service, secret_hash, $3 FROM unnest($1::text[], $2::bytea[]) AS given (service, secret_hash)
            ON CONFLICT (service, secret_hash) DO UPDATE SET superseded_at = NULL
            """,
            services,
            hashes,
            now,
        )
        await self._connection.execute(
            """
            UPDATE service_credentials SET superseded_at = $3
            WHERE superseded_at IS NULL
              AND (service, secret_hash) NOT IN (SELECT * FROM unnest($1::text[], $2::bytea[]))
            """,
            services,
            hashes,
            now,
        )
        await self._connection.execute("DELETE FROM service_credentials WHERE superseded_at < $1", now - OVERLAP)
