"""Mails and their leases, on the database's clock: the clocks of replicas may differ."""

import json
from collections.abc import Sequence
from datetime import datetime

from asyncpg import Record
from fp_postgres import Database
from fp_postgres import Transaction as DatabaseTransaction
from fp_postgres.partitions import lowest_id
from fp_sealing import NotSealedHere, Sealer
from fp_telemetry import get_logger

from fp_notification.adapters.postgres.deliveries import FAULT, HOLD, KNOW, TRUST
from fp_notification.app.mail_ports import MailLease
from fp_notification.app.ports import LeaseLost
from fp_notification.domain.breaker import BreakerPolicy
from fp_notification.domain.mails import Mail, MailTemplate
from fp_notification.domain.notifications import Status
from fp_notification.domain.targets import MAIL_SERVER

_log = get_logger(__name__)

_ADD = """
INSERT INTO mails (id, team, template, sealed, status, due_at, created_at, correlation_id, trace, expires_at)
VALUES ($1, $2, $3, $4, 'PENDING', now(), $5, $6, $7, $8)
"""
_WAITING = "SELECT id FROM mails WHERE status IN ('PENDING', 'RETRYING') AND due_at <= now() ORDER BY due_at LIMIT 1"
# due_at of a mail that someone works on is the end of his lease; after a pause of the mail server it is tried by one.
_CLAIM = """
WITH busy AS (
    SELECT count(*) AS number FROM mails WHERE status IN ('PENDING', 'RETRYING') AND leased_until > now()
), due AS (
    SELECT id FROM mails WHERE status IN ('PENDING', 'RETRYING') AND due_at <= now()
    ORDER BY due_at
    LIMIT (SELECT least($1, greatest(0, CASE WHEN $4::boolean THEN 1 ELSE $3 END - number)) FROM busy)
    FOR UPDATE SKIP LOCKED
)
UPDATE mails m
SET token = m.token + 1, due_at = now() + make_interval(secs => $2), leased_until = now() + make_interval(secs => $2)
FROM due WHERE m.id = due.id
RETURNING m.id::text, m.team, m.template, m.sealed, m.created_at, m.correlation_id, m.trace, m.token, m.attempts,
    m.expires_at
"""
_RETRY = """
UPDATE mails
SET status = 'RETRYING', attempts = $3, response_code = $4, due_at = now() + make_interval(secs => $5),
    leased_until = NULL
WHERE id = $1 AND token = $2 AND status IN ('PENDING', 'RETRYING')
"""
_END = """
UPDATE mails
SET status = $5, attempts = $3, response_code = $4, ended_at = now(), leased_until = NULL, sealed = ''
WHERE id = $1 AND token = $2 AND status IN ('PENDING', 'RETRYING')
"""
_DELETE = "DELETE FROM mails WHERE id IN (SELECT id FROM mails WHERE id < $1 ORDER BY id LIMIT $2)"


class PostgresMailClaims:
    """`app.worker.Claims` on a database. connections: mails under way at a time, over all replicas."""

    def __init__(self, database: Database, sealer: Sealer, connections: int) -> None:
        self._database = database
        self._sealer = sealer
        self._connections = connections

    async def claim(self, limit: int, seconds: float) -> Sequence[MailLease]:
        if not await self._database.fetch(_WAITING):
            return []
        async with self._database.transaction() as tx:
            await tx.execute(KNOW, [MAIL_SERVER])
            held = await tx.fetch(HOLD, [MAIL_SERVER])
            if not held:
                return []
            rows = await tx.fetch(_CLAIM, limit, seconds, self._connections, held[0]["tried"])
        return [lease for row in rows if (lease := self._open(row)) is not None]

    def _open(self, row: Record) -> MailLease | None:
        """None for what another key has sealed: it stays until its retention is over or the key is back."""
        try:
            content = json.loads(self._sealer.open(row["sealed"], row["id"]))
        except NotSealedHere:
            _log.error("a mail was sealed with another FP_NOTIFICATION_SIGNING_KEY", mail_id=row["id"])
            return None
        mail = Mail(
            id=row["id"],
            team=row["team"],
            template=MailTemplate(row["template"]),
            created_at=row["created_at"],
            to=content["to"],
            parameters=content["parameters"],
            correlation_id=row["correlation_id"],
            trace=json.loads(row["trace"]),
            expires_at=row["expires_at"],
        )
        return MailLease(mail, row["token"], row["attempts"] + 1)


class PostgresMails:
    """`app.mail_ports.Mails` within a transaction."""

    def __init__(self, tx: DatabaseTransaction, sealer: Sealer) -> None:
        self._tx = tx
        self._sealer = sealer

    async def add(self, mail: Mail) -> None:
        content = json.dumps({"to": mail.to, "parameters": dict(mail.parameters)}).encode()
        await self._tx.execute(
            _ADD,
            mail.id,
            mail.team,
            mail.template,
            self._sealer.seal(content, mail.id),
            mail.created_at,
            mail.correlation_id,
            json.dumps(dict(mail.trace)),
            mail.expires_at,
        )

    async def close(self, lease: MailLease, status: Status, pause: float, code: int) -> None:
        facts = (lease.id, lease.token, lease.attempt, code)
        if status is Status.RETRYING:
            done = await self._tx.execute(_RETRY, *facts, pause)
        else:
            done = await self._tx.execute(_END, *facts, status)
        if done != "UPDATE 1":
            raise LeaseLost(f"mail {lease.id} is sent by another process")

    async def count_fault(self, policy: BreakerPolicy) -> None:
        await self._tx.execute(FAULT, MAIL_SERVER, policy.failures, policy.pause)

    async def forget_faults(self) -> None:
        await self._tx.execute(TRUST, MAIL_SERVER)


class PostgresMailTransaction:
    """`app.mail_ports.MailTransaction`; made by `DatabaseTransactions`."""

    def __init__(self, transaction: DatabaseTransaction, sealer: Sealer) -> None:
        self.mails = PostgresMails(transaction, sealer)
        self._transaction = transaction

    async def complete(self, result: object) -> None:
        await self._transaction.complete(result)


class PostgresMailArchive:
    """`retention.Archive` of mails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def delete(self, before: datetime, now: datetime, limit: int) -> int:  # noqa: ARG002 -- of the port
        """Also of mails that never ended: their text is as old."""
        return int((await self._database.execute(_DELETE, lowest_id(before), limit)).removeprefix("DELETE "))
