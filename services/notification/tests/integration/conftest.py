"""Notification without its wire, on a real database."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from importlib import resources
from ipaddress import ip_network

import pytest
from fp_events import decode
from fp_kernel import Command, NotFound, PageRequest, Principal
from fp_notification.adapters import templates
from fp_notification.adapters.http import HttpSender
from fp_notification.adapters.letters import Letters
from fp_notification.adapters.names import Names
from fp_notification.adapters.postgres.archive import PostgresArchive
from fp_notification.adapters.postgres.deliveries import PostgresClaims
from fp_notification.adapters.postgres.reads import PostgresReads
from fp_notification.adapters.postgres.transactions import PostgresTransaction
from fp_notification.app.add_members import AddMembers
from fp_notification.app.create_rule import CreateRule
from fp_notification.app.delete_rule import DeleteRule
from fp_notification.app.deliver import Deliver
from fp_notification.app.dispatch import Dispatch
from fp_notification.app.mark_read import MarkRead
from fp_notification.app.notify import Notify
from fp_notification.app.ports import Feed, Log, Member
from fp_notification.app.queries import Queries
from fp_notification.app.try_channel import TryChannel
from fp_notification.app.update_preferences import UpdatePreferences
from fp_notification.app.worker import Worker, WorkerPolicy
from fp_notification.domain.breaker import BreakerPolicy
from fp_notification.domain.delivery import Backoff
from fp_notification.domain.preferences import NewRule, WantedChannel
from fp_notification.domain.recipients import Channel
from fp_notification.domain.severity import Severity
from fp_notification.domain.signing import Secrets
from fp_notification.domain.targets import AddressPolicy
from fp_notification.retention import Retention
from fp_postgres import Database, DatabaseTransactions
from fp_testkit.patience import PATIENCE
from fp_testkit.wallclock import RunningClock

MIGRATIONS = resources.files("fp_notification") / "migrations"
ANN = Principal("ann", "alpha", "admin", frozenset({"*:*"}), 0.0, email="ann@people.test")
BOB = Principal("bob", "alpha", "viewer", frozenset(), 0.0)
NO_KEY = Command("alpha", "/Rpc", "", b"", lambda _: b"")
AT_ONCE = Backoff((0.0, 0.0))
NEVER = BreakerPolicy(failures=1_000)
ALLOWED = AddressPolicy((ip_network("127.0.0.0/8"),))


class Values:
    """Of secrets, by reference."""

    def __init__(self):
        self.known, self.asked = {}, []

    async def resolve(self, team, user_id, references, *, purpose):
        self.asked.append((team, *references, purpose))
        for each in references:
            if each not in self.known:
                raise NotFound(f"{each}: no such secret", reason="SECRET_NOT_FOUND")
        return {each: self.known[each] for each in references}


class Desk:
    """One replica."""

    def __init__(
        self, database, *, backoff=AT_ONCE, lease=60.0, sender=None, breaker=NEVER, per_host=16, clock=None, mail=None
    ):
        clock = clock or RunningClock()
        self.database = database
        self.transactions, self.reads = DatabaseTransactions(database, PostgresTransaction), PostgresReads(database)
        self.sender = sender or HttpSender(ALLOWED, timeout=PATIENCE, resolve=Names(PATIENCE))
        self.secrets = Secrets(b"k" * 32)
        self.values = Values()
        dispatch = Dispatch(self.sender, self.secrets, clock, values=self.values, letters=Letters(), mail=mail)
        once = Deliver(self.transactions, dispatch, Backoff(()), clock)
        self.update_preferences = UpdatePreferences(
            self.transactions, self.reads, self.sender, clock, mailing=mail is not None
        )
        self.create_rule = CreateRule(self.transactions, self.sender, clock, mailing=mail is not None)
        self.delete_rule = DeleteRule(self.transactions)
        self.mark_read = MarkRead(self.transactions, clock)
        self.try_channel = TryChannel(self.transactions, once, lease, clock)
        self.notify = Notify(self.transactions, self.reads, templates.load(), clock)
        self.add_members = AddMembers(self.transactions)
        self.read = Queries(self.reads, self.secrets)
        deliver = Deliver(self.transactions, dispatch, backoff, clock, breaker=breaker)
        self.claims = PostgresClaims(database, per_host)
        self.worker = Worker(self.claims, deliver, WorkerPolicy(lease=lease, poll=0.01))
        self.clock = clock

    async def join(self, *people, team="alpha"):
        await self.add_members([Member(team, each, self.clock.now()) for each in people])

    async def rule(self, *patterns, target="", name="rule", severity=Severity.INFO, in_app=False):
        channels = [(Channel.WEBHOOK, "WEBHOOK")] if target else []
        channels += [(Channel.IN_APP, "IN_APP")] if in_app else []
        new = NewRule(name, patterns, severity, tuple(channels), target)
        return await self.create_rule(ANN, new, NO_KEY)

    async def prefer(self, *channels, who=ANN, mutes=()):
        return await self.update_preferences(who, channels, mutes, NO_KEY)

    async def feed(self, who="ann", team="alpha", **wanted):
        return (await self.reads.notifications(Feed(team, who, **wanted), PageRequest(100)))[0]

    async def log(self, who="ann", **wanted):
        return (await self.reads.attempts(Log("alpha", who, **wanted), PageRequest(100)))[0]

    async def events(self):
        rows = await self.database.fetch("SELECT envelope FROM fp_outbox ORDER BY position")
        return [decode(row["envelope"]) for row in rows]

    async def retain(self, days):
        return await Retention(PostgresArchive(self.database), self.clock, timedelta(days=days))()


def _webhook(target, severity=Severity.INFO, *, enabled=True):
    return WantedChannel(Channel.WEBHOOK, "WEBHOOK", enabled, severity, target)


def _by(channel, target="", severity=Severity.INFO, *, enabled=True):
    return WantedChannel(channel, channel.name, enabled, severity, target)


def _in_app(severity=Severity.INFO, *, enabled=True):
    return WantedChannel(Channel.IN_APP, "IN_APP", enabled, severity, "")


@pytest.fixture
def webhook():
    return _webhook


@pytest.fixture
def by():
    """`by(channel, target)`: a channel as a person asks for it."""
    return _by


@pytest.fixture
def in_app():
    return _in_app


@pytest.fixture
async def address(databases):
    return await databases.create(MIGRATIONS, service="notification")


@pytest.fixture
async def database(address):
    opened = await Database.connect(address, source="notification")
    yield opened
    await opened.close()


@pytest.fixture
def desk(database):
    return Desk(database)


@pytest.fixture
def new_desk():
    return Desk


@pytest.fixture
def people():
    return ANN, BOB


@pytest.fixture
def command():
    """A command with a key."""

    def make(key="k", body=b"same", encode=lambda result: str(result).encode()):
        return replace(NO_KEY, key=key, fingerprint=body, encode=encode)

    return make


@pytest.fixture
def gathered():
    async def run(*calls):
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each) for each in calls]
        return [task.result() for task in tasks]

    return run
