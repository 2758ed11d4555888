"""Mails about accounts: taken, sent, tried again, and forgotten; on a real database and a real mail server."""

import hashlib
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from fp_kernel import FailedPrecondition, Replayed
from fp_notification.adapters.letters import Letters
from fp_notification.adapters.postgres.mails import PostgresMailArchive, PostgresMailClaims, PostgresMailTransaction
from fp_notification.adapters.smtp import MailServer, SmtpSender
from fp_notification.app.deliver_mail import DeliverMail
from fp_notification.app.ports import LeaseLost
from fp_notification.app.send_mail import SendMail
from fp_notification.app.worker import Worker, WorkerPolicy
from fp_notification.domain.breaker import BreakerPolicy
from fp_notification.domain.delivery import Backoff
from fp_notification.domain.mails import MailTemplate
from fp_notification.domain.notifications import Status
from fp_notification.domain.signing import derived
from fp_notification.retention import Retention
from fp_notification.settings import mail_address
from fp_postgres import DatabaseTransactions
from fp_sealing import Sealer
from fp_testkit.patience import PATIENCE
from fp_testkit.wallclock import RunningClock

TO = "ann@people.test"
LINK = "https://forge.test/reset/only-she-knows"
PARAMETERS = {"name": "Ann", "link": LINK, "valid_for": "1 hour"}
NEVER = BreakerPolicy(failures=1_000)


class Office:
    """One replica that sends mails."""

    def __init__(self, database, post, *, breaker=NEVER, backoff=Backoff((0.0, 0.0)), key=b"k" * 32, configured=True):  # noqa: B008
        self.clock = clock = RunningClock()
        self.database, self.outcomes = database, []
        self.sealer = Sealer([derived(key, "mails")])
        self.transactions = DatabaseTransactions(database, partial(PostgresMailTransaction, sealer=self.sealer))
        server = MailServer("127.0.0.1", post.port, mail_address("no-reply@forge.test"), tls="off")
        self.sender = SmtpSender(server, timeout=PATIENCE)
        self.claims = PostgresMailClaims(database, self.sealer, 4)
        self.deliver = DeliverMail(
            self.transactions, self.sender, Letters(), backoff, breaker, clock=clock, observe=self.outcomes.append
        )
        self.worker = Worker(self.claims, self.deliver, WorkerPolicy(), "mail_id")
        self.send_mail = SendMail(
            self.transactions, clock, lambda digest: hashlib.sha256(b"key" + digest).digest(), configured=configured
        )
        self.retain = Retention(PostgresMailArchive(database), clock, timedelta(days=-1))

    async def send(self, command, to=TO, expires_at=None):
        return await self.send_mail(to, MailTemplate.PASSWORD_RESET, PARAMETERS, command, expires_at=expires_at)

    async def rows(self):
        return [dict(row) for row in await self.database.fetch("SELECT * FROM mails ORDER BY id")]

    async def states(self):
        return [(row["status"], row["attempts"], row["response_code"]) for row in await self.rows()]


@pytest.fixture
async def post(mail_server):
    return await mail_server(tls_context=None, require_starttls=False)


@pytest.fixture
def office(database, post):
    return Office(database, post)


@pytest.fixture
def once(command):
    return replace(command(), key="")


async def test_a_mail_is_sent_and_its_text_is_forgotten(office, post, once):
    await office.send(once)
    assert await office.worker.once() == 1
    ((to, mail),) = post.letters
    assert to == [TO]
    assert LINK in mail.get_body(("plain",)).get_content()
    (row,) = await office.rows()
    assert (row["status"], row["attempts"], row["response_code"], row["sealed"]) == ("DELIVERED", 1, 250, b"")
    assert await office.worker.once() == 0


async def test_neither_address_nor_link_is_in_the_database_while_it_waits(office, command):
    await office.send(command())
    whole = ""
    for table in ("mails", "fp_commands", "fp_outbox"):
        rows = await office.database.fetch(f"SELECT t::text AS line FROM {table} t")  # noqa: S608
        whole += "".join(row["line"] for row in rows)
    assert "PENDING" in whole
    for marked in (TO, LINK):
        assert marked not in whole
        assert marked.encode().hex() not in whole
    plain = command().fingerprint.hex()
    assert plain not in whole, "a plain digest of the request gives the address away to whoever guesses it"


async def test_a_mail_that_is_refused_for_now_is_sent_later_under_the_same_id(office, post, once):
    post.answers = ["451 later", None, "250 OK"]
    mail_id = await office.send(once)
    assert await office.worker.once() == 3
    assert await office.states() == [("DELIVERED", 3, 250)]
    ((_, mail),) = post.letters
    assert mail["Message-ID"] == f"<{mail_id}@forge.test>"


async def test_a_mail_that_is_refused_for_good_is_not_tried_again_and_forgotten(office, post, once):
    post.answers = ["554 no"]
    await office.send(once)
    assert await office.worker.once() == 1
    (row,) = await office.rows()
    assert (row["status"], row["response_code"], row["sealed"]) == ("FAILED", 554, b"")


async def test_a_mail_whose_attempts_are_used_up_is_forgotten(office, post, once):
    post.answers = ["451 later"]
    await office.send(once)
    assert await office.worker.once() == 3
    (row,) = await office.rows()
    assert (row["status"], row["attempts"], row["sealed"]) == ("FAILED", 3, b"")


async def test_a_mail_server_that_is_away_is_left_alone_and_tried_by_one(database, post, once):
    away = Office(database, replace(post, port=1), breaker=BreakerPolicy(2, 3_600.0), backoff=Backoff((0.0,) * 9))
    for _ in range(4):
        await away.send(once)
    await away.worker.once()
    assert sum(attempts for _, attempts, _ in await away.states()) == 4, (
        "each was under way when the faults were counted"
    )
    await database.execute("UPDATE destinations SET open_until = now()")
    back = Office(database, post)
    assert len(await back.claims.claim(16, 60.0)) == 1
    await database.execute("UPDATE mails SET due_at = now(), leased_until = NULL")
    assert await back.worker.once() == 4
    assert len(post.letters) == 4


async def test_the_same_command_sends_one_mail(office, post, command):
    await office.send(command())
    with pytest.raises(Replayed):
        await office.send(command())
    await office.worker.once()
    assert len(post.letters) == 1


async def test_who_lost_his_lease_writes_nothing(office, once):
    await office.send(once)
    (first,) = await office.claims.claim(1, 0.0)
    (second,) = await office.claims.claim(1, 60.0)
    async with office.transactions() as tx:
        with pytest.raises(LeaseLost):
            await tx.mails.close(first, Status.DELIVERED, 0.0, 250)
        await tx.mails.close(second, Status.DELIVERED, 0.0, 250)


async def test_without_a_mail_server_no_mail_is_taken(database, post, once):
    with pytest.raises(FailedPrecondition) as refused:
        await Office(database, post, configured=False).send(once)
    assert refused.value.reason == "MAIL_NOT_CONFIGURED"


async def test_a_mail_of_another_key_stays_and_stops_nobody(database, post, once):
    await Office(database, post, key=b"o" * 32).send(once)
    office = Office(database, post)
    await office.send(once)
    await office.worker.once()
    assert [status for status, *_ in await office.states()] == ["PENDING", "DELIVERED"]


async def test_old_mails_are_deleted(office, once):
    await office.send(once)
    assert await office.retain() == 1
    assert await office.rows() == []


async def test_a_mail_whose_link_is_void_is_given_up_and_recorded_and_not_sent(office, post, once, caplog):
    end = office.clock.now()
    await office.send(once, expires_at=end)
    await office.send(once, expires_at=end + timedelta(hours=1))
    assert await office.worker.once() == 2
    assert len(post.letters) == 1
    assert sorted(await office.states()) == [("DELIVERED", 1, 250), ("FAILED", 0, 0)]
    assert [row["sealed"] for row in await office.rows()] == [b"", b""]
    assert office.outcomes.count("EXPIRED") == 1
