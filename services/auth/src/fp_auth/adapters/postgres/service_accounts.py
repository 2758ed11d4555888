"""Service accounts and their keys."""

from collections.abc import Sequence

from asyncpg import Record
from fp_kernel import PageRequest
from fp_postgres import Connection

from fp_auth.adapters.postgres.api_keys import KEY, to_key
from fp_auth.adapters.postgres.statements import FIRST, affected
from fp_auth.app.service_account_ports import AccountHolder
from fp_auth.domain.api_keys import ApiKey
from fp_auth.domain.service_accounts import ServiceAccount

_ACCOUNT = "a.id, a.team, a.name, a.description, a.scopes, a.created_by, a.created_at, a.disabled_at"
_FIND = f"""
SELECT {_ACCOUNT} FROM service_accounts a
WHERE a.team = $1 AND a.id = $2 AND a.deleted_at IS NULL
"""  # noqa: S608 -- a constant
_LOCK = f"{_FIND} FOR UPDATE"


class PostgresServiceAccounts:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, account: ServiceAccount) -> bool:
        status = await self._connection.execute(
            """
            INSERT INTO service_accounts (id, team, name, description, scopes, created_by, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (team, name) DO NOTHING
            """,
            account.id,
            account.team,
            account.name,
            account.description,
            sorted(account.scopes),
            account.created_by,
            account.created_at,
        )
        return affected(status) == 1

    async def find(self, team: str, account_id: str) -> ServiceAccount | None:
        row = await self._connection.fetchrow(_FIND, team, account_id)
        return _to_account(row) if row else None

    async def lock(self, team: str, account_id: str) -> ServiceAccount | None:
        row = await self._connection.fetchrow(_LOCK, team, account_id)
        return _to_account(row) if row else None

    async def save(self, account: ServiceAccount) -> None:
        await self._connection.execute(
            "UPDATE service_accounts SET description = $2, scopes = $3, disabled_at = $4 WHERE id = $1",
            account.id,
            account.description,
            sorted(account.scopes),
            account.disabled_at,
        )

    async def delete(self, account: ServiceAccount) -> None:
        """Its end is when it was disabled last."""
        await self._connection.execute(
            "UPDATE service_accounts SET disabled_at = $2, deleted_at = $2, description = '' WHERE id = $1",
            account.id,
            account.disabled_at,
        )

    async def lock_keys(self, account_id: str) -> Sequence[ApiKey]:
        rows = await self._connection.fetch(
            f"""
            SELECT {KEY} FROM api_keys k
            WHERE k.service_account = $1 AND k.revoked_at IS NULL
            ORDER BY k.id
            FOR UPDATE
            """,  # noqa: S608 -- a constant
            account_id,
        )
        return [to_key(row) for row in rows]

    async def find_by_key(self, key_hash: bytes) -> AccountHolder | None:
        row = await self._connection.fetchrow(
            f"""
            SELECT {KEY}, a.name AS account_name, a.description, a.scopes AS account_scopes, a.created_by,
                   a.created_at AS account_created_at, a.disabled_at
            FROM api_keys k
            JOIN service_accounts a ON a.id = k.service_account
            LEFT JOIN teams t ON t.id = a.team
            WHERE k.key_hash = $1 AND a.deleted_at IS NULL AND t.suspended_at IS NULL
            """,  # noqa: S608 -- a constant
            key_hash,
        )
        return _to_holder(row) if row else None

    async def page(self, team: str, page: PageRequest) -> Sequence[ServiceAccount]:
        rows = await self._connection.fetch(
            f"""
            SELECT {_ACCOUNT} FROM service_accounts a
            WHERE a.team = $1 AND a.id > $2 AND a.deleted_at IS NULL
            ORDER BY a.id
            LIMIT $3
            """,  # noqa: S608 -- a constant
            team,
            page.after[0] if page.after else FIRST,
            page.size + 1,
        )
        return [_to_account(row) for row in rows]

    async def keys(self, account_id: str, page: PageRequest, *, include_revoked: bool) -> Sequence[ApiKey]:
        rows = await self._connection.fetch(
            f"""
            SELECT {KEY} FROM api_keys k
            WHERE k.service_account = $1 AND k.id > $2 AND ($3 OR k.revoked_at IS NULL)
            ORDER BY k.id
            LIMIT $4
            """,  # noqa: S608 -- a constant
            account_id,
            page.after[0] if page.after else FIRST,
            include_revoked,
            page.size + 1,
        )
        return [to_key(row) for row in rows]


def _to_account(row: Record) -> ServiceAccount:
    return ServiceAccount(
        id=str(row["id"]),
        team=row["team"],
        name=row["name"],
        description=row["description"],
        scopes=frozenset(row["scopes"]),
        created_by=row["created_by"],
        created_at=row["created_at"],
        disabled_at=row["disabled_at"],
    )


def _to_holder(row: Record) -> AccountHolder:
    key = to_key(row)
    account = ServiceAccount(
        id=key.service_account,
        team=key.team,
        name=row["account_name"],
        description=row["description"],
        scopes=frozenset(row["account_scopes"]),
        created_by=row["created_by"],
        created_at=row["account_created_at"],
        disabled_at=row["disabled_at"],
    )
    return AccountHolder(key, account)
