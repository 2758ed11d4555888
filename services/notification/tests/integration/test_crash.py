"""A process dies at each step: every recipient is told once, and every message arrives under one id."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

import pytest
from fp_kernel import Command, NotFound, Principal, Replayed, new_id
from fp_notification.adapters import templates
from fp_notification.adapters.letters import Letters
from fp_notification.adapters.postgres.deliveries import PostgresClaims
from fp_notification.adapters.postgres.reads import PostgresReads
from fp_notification.adapters.postgres.transactions import PostgresTransaction
from fp_notification.app.add_members import AddMembers
from fp_notification.app.create_rule import CreateRule
from fp_notification.app.deliver import Deliver
from fp_notification.app.dispatch import Dispatch
from fp_notification.app.notify import Notify
from fp_notification.app.ports import Member
from fp_notification.app.try_channel import TryChannel
from fp_notification.app.worker import Worker, WorkerPolicy
from fp_notification.domain.delivery import Answer, Backoff
from fp_notification.domain.matching import Facts
from fp_notification.domain.preferences import NewRule
from fp_notification.domain.recipients import Channel
from fp_notification.domain.severity import Severity
from fp_notification.domain.signing import Secrets
from fp_postgres import Database, DatabaseTransactions
from fp_testkit.crash import CrashPoints
from fp_testkit.wallclock import RunningClock

CLOCK, SECRETS = RunningClock(), Secrets(b"k" * 32)
ANN = Principal("ann", "alpha", "admin", frozenset({"*:*"}), 0.0)
NO_KEY = Command("alpha", "/Rpc", "", b"", lambda _: b"")
KEY = Command("alpha", "/TestChannel", "ann/once", b"f", lambda attempt: attempt.status.encode())


class FileReceiver:
    """Keeps the ids of what it got where the death of the sender does not reach. fails: so many answers are 500."""

    def __init__(self, path: str, fails: int = 0) -> None:
        self._path = Path(path)
        self._fails = fails

    @property
    def ids(self) -> list[str]:
        return self._path.read_text().split() if self._path.exists() else []

    async def check(self, target: str, field: str) -> None:
        pass

    async def send(self, target: str, headers: dict[str, str], body: bytes) -> Answer:
        with self._path.open("a") as file:
            file.write(f"{headers['webhook-id']}\n")
        return Answer(500 if len(self.ids) <= self._fails else 200)


def event(event_id: str) -> Facts:
    return Facts(event_id, "fp.models.promoted", "alpha", Severity.WARNING, "registry", "m1", "Done.", "", CLOCK.now())


async def notify(database: Database, event_id: str) -> None:
    use_case = Notify(
        DatabaseTransactions(database, PostgresTransaction), PostgresReads(database), templates.load(), CLOCK
    )
    await use_case([event(event_id)])


async def deliver(database: Database, receiver: FileReceiver) -> int:
    attempt = Deliver(
        DatabaseTransactions(database, PostgresTransaction), dispatch(receiver), Backoff((0.0, 0.0, 0.0)), CLOCK
    )
    return await Worker(PostgresClaims(database, 2), attempt, WorkerPolicy(lease=60.0)).once()


async def expire(database: Database) -> None:
    """The leases of the dead run out."""
    await database.execute("UPDATE deliveries SET due_at = now(), leased_until = NULL")


class NoSecrets:
    async def resolve(self, team: str, user_id: str, references: Sequence[str], *, purpose: str) -> Mapping[str, bytes]:
        raise NotFound("no such secret")


def dispatch(receiver: FileReceiver) -> Dispatch:
    return Dispatch(receiver, SECRETS, CLOCK, values=NoSecrets(), letters=Letters(), mail=None)


def try_channel(database: Database, receiver: FileReceiver) -> TryChannel:
    transactions = DatabaseTransactions(database, PostgresTransaction)
    return TryChannel(transactions, Deliver(transactions, dispatch(receiver), Backoff(()), CLOCK), 60.0, CLOCK)


async def notifying(crash: CrashPoints, url: str, event_id: str, path: str) -> None:
    await notify(crash.wrap(await Database.connect(url, source="notification")), event_id)


async def delivering(crash: CrashPoints, url: str, event_id: str, path: str) -> None:
    database = await Database.connect(url, source="notification")
    await notify(database, event_id)
    await deliver(crash.wrap(database), crash.wrap(FileReceiver(path, fails=1)))


async def trying(crash: CrashPoints, url: str, event_id: str, path: str) -> None:
    database = await Database.connect(url, source="notification")
    rule_id = await database.fetchval("SELECT id FROM recipients WHERE kind = 'RULE'")
    send = try_channel(crash.wrap(database), crash.wrap(FileReceiver(path)))
    await send(ANN, Channel.WEBHOOK, rule_id, KEY)


async def prepared(url: str, folder: Path) -> tuple[str, str, str]:
    """A team of two people and a rule with a webhook, and nothing of the run before."""
    path = str(folder / new_id())
    database = await Database.connect(url, source="notification")
    await database.execute(
        "TRUNCATE recipients, notifications, destinations, floods, fp_inbox, fp_outbox, fp_commands CASCADE"
    )
    await AddMembers(DatabaseTransactions(database, PostgresTransaction))(
        [Member("alpha", each, CLOCK.now()) for each in ("ann", "bob")]
    )
    new = NewRule("all", ("fp.>",), Severity.INFO, ((Channel.WEBHOOK, "WEBHOOK"),), "https://hooks.test/")
    await CreateRule(DatabaseTransactions(database, PostgresTransaction), FileReceiver(path), CLOCK)(ANN, new, NO_KEY)
    await database.close()
    return url, new_id(), path


async def facts_of(database: Database) -> dict[str, int]:
    row = await database.fetchrow(
        """
        SELECT (SELECT count(*) FROM notifications) AS notifications,
               (SELECT count(*) FROM deliveries WHERE status = 'DELIVERED') AS delivered,
               (SELECT count(*) FROM deliveries WHERE status IN ('PENDING', 'RETRYING')) AS waiting,
               (SELECT count(*) FROM fp_outbox WHERE subject = 'fp.notifications.delivered') AS told
        """
    )
    return dict(row)


async def was_done(database: Database) -> bool:
    return bool(await database.fetchval("SELECT count(*) FROM fp_commands"))


async def test_an_event_is_told_once_wherever_the_process_dies(kill_at, address, tmp_path):
    async def check(run) -> None:
        url, event_id, _ = run.arguments
        database = await Database.connect(url, source="notification")
        try:
            found = await facts_of(database)
            assert (found["notifications"], found["waiting"], found["told"]) in {(0, 0, 0), (3, 1, 0)}, run.turn
            await notify(database, event_id)
            found = await facts_of(database)
            assert (found["notifications"], found["waiting"], found["told"]) == (3, 1, 0), run.turn
        finally:
            await database.close()

    assert await kill_at(notifying, check, arrange=lambda: prepared(address, tmp_path)) > 5


async def test_a_message_arrives_under_one_id_wherever_the_process_dies(kill_at, address, tmp_path):
    async def check(run) -> None:
        url, _, path = run.arguments
        receiver = FileReceiver(path, fails=1)
        database = await Database.connect(url, source="notification")
        try:
            assert await deliver(database, receiver) == 0 or not run.completed
            await expire(database)
            await deliver(database, receiver)
            found = await facts_of(database)
            assert (found["delivered"], found["waiting"], found["told"]) == (1, 0, 1), run.turn
            assert len(set(receiver.ids)) == 1
            # One failure and one success; at the most one of them twice, where the process died before it stored it.
            assert len(receiver.ids) in {2, 3}, run.turn
            log = await database.fetch("SELECT number FROM attempts WHERE channel = 'WEBHOOK' ORDER BY id")
            assert [row["number"] for row in log] == list(range(1, len(log) + 1))
        finally:
            await database.close()

    assert await kill_at(delivering, check, arrange=lambda: prepared(address, tmp_path)) > 8


async def test_a_test_message_has_one_id_wherever_the_process_dies(kill_at, address, tmp_path):
    async def check(run) -> None:
        url, _, path = run.arguments
        database = await Database.connect(url, source="notification")
        try:
            # Done and repeated, it is answered from what was stored.
            with pytest.raises(Replayed) if await was_done(database) else nullcontext():
                await trying(CrashPoints(0), *run.arguments)
            receiver = FileReceiver(path)
            assert len(set(receiver.ids)) == 1
            assert len(receiver.ids) <= 2
            assert (await facts_of(database))["told"] == 1, run.turn
        finally:
            await database.close()

    assert await kill_at(trying, check, arrange=lambda: prepared(address, tmp_path)) > 8
