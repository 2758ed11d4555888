"""Credentials that ended before their time."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime

from asyncpg import Record
from fp_postgres import Connection

from fp_auth.adapters.postgres.statements import affected
from fp_auth.domain.withdrawals import Withdrawal

_PAGE = 1_000


class PostgresWithdrawals:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, withdrawal: Withdrawal) -> Withdrawal:
        # The revision is taken when the row's lock is had, so that the later of two changes has the greater one.
        revision = await self._connection.fetchval(
            """
            INSERT INTO withdrawals (kind, id, before, spared_session, until) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (kind, id) DO UPDATE SET
                revision = nextval('withdrawal_revisions'), before = excluded.before,
                spared_session = excluded.spared_session, until = greatest(withdrawals.until, excluded.until)
            RETURNING revision
            """,
            withdrawal.kind,
            withdrawal.id,
            withdrawal.before,
            withdrawal.spared_session,
            withdrawal.until,
        )
        return replace(withdrawal, revision=revision)

    async def prune(self, now: datetime, limit: int) -> int:
        return affected(
            await self._connection.execute(
                """
                DELETE FROM withdrawals WHERE ctid = ANY (ARRAY(
                    SELECT ctid FROM withdrawals WHERE until < $1 ORDER BY until LIMIT $2))
                """,
                now,
                limit,
            )
        )

    async def pages(self) -> AsyncIterator[Sequence[Withdrawal]]:
        """All of them, a part at a time."""
        kind = identity = ""
        while True:
            rows = await self._connection.fetch(
                """
                SELECT kind, id, revision, before, spared_session, until FROM withdrawals
                WHERE (kind, id) > ($1, $2)
                ORDER BY kind, id
                LIMIT $3
                """,
                kind,
                identity,
                _PAGE,
            )
            yield [_withdrawal(row) for row in rows]
            if len(rows) < _PAGE:
                return
            kind, identity = rows[-1]["kind"], rows[-1]["id"]


def _withdrawal(row: Record) -> Withdrawal:
    return Withdrawal(
        kind=row["kind"],
        id=row["id"],
        until=row["until"],
        before=row["before"],
        spared_session=row["spared_session"],
        revision=row["revision"],
    )
