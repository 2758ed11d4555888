"""Mails about accounts, put together: what takes them, what sends them, and what deletes them."""

import hashlib
import hmac
from datetime import timedelta
from functools import partial

from fp_postgres import PRUNE_EVERY, Database, DatabaseTransactions
from fp_runtime import Runtime
from fp_sealing import Sealer

from fp_notification.adapters.letters import Letters
from fp_notification.adapters.postgres.mails import PostgresMailArchive, PostgresMailClaims, PostgresMailTransaction
from fp_notification.adapters.smtp import SmtpSender
from fp_notification.api.mail_grpc import MailServicer
from fp_notification.app.deliver_mail import DeliverMail
from fp_notification.app.send_mail import SendMail
from fp_notification.app.worker import Worker
from fp_notification.domain.delivery import Backoff
from fp_notification.domain.signing import derived
from fp_notification.metrics import Metrics
from fp_notification.retention import Retention
from fp_notification.settings import Settings


def open_mail(
    runtime: Runtime, settings: Settings, database: Database, metrics: Metrics, smtp: SmtpSender | None
) -> MailServicer:
    """smtp: None where no mail server is set: nothing is taken then, and what waits goes on waiting."""
    clock, sealer = runtime.clock, Sealer([derived(settings.signing_key, "mails")])
    digest_key = derived(settings.signing_key, "mail commands")
    transactions = DatabaseTransactions(database, partial(PostgresMailTransaction, sealer=sealer))
    if smtp is not None:
        deliver = DeliverMail(
            transactions,
            smtp,
            Letters(),
            Backoff(settings.delays),
            settings.breaker,
            clock=clock,
            observe=metrics.mailed,
        )
        claims = PostgresMailClaims(database, sealer, settings.smtp_connections)
        runtime.keep("mails", Worker(claims, deliver, settings.mail_worker, "mail_id").run)
    age = timedelta(days=settings.notification_mail_days)
    runtime.every(PRUNE_EVERY, "retention of mails", Retention(PostgresMailArchive(database), clock, age))
    send_mail = SendMail(
        transactions,
        clock,
        lambda digest: hmac.digest(digest_key, digest, hashlib.sha256),
        configured=smtp is not None,
    )
    return MailServicer(send_mail=send_mail)
