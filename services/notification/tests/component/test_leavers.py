"""Somebody who may not come in any more hears nothing, from the delivery on that is under way."""

import asyncio

import pytest
from forgepoint.events.v1 import events_pb2
from forgepoint.notification.v1 import notification_pb2 as pb
from fp_events import Event
from fp_postgres import Database
from fp_testkit.patience import PATIENCE

ANN = "viewer-of-alpha"
WEBHOOK = pb.NOTIFICATION_CHANNEL_WEBHOOK


class Silent:
    """A receiver that takes a message and never answers. cut: the sender has gone away."""

    def __init__(self):
        self.reached, self.cut = asyncio.Event(), asyncio.Event()

    async def serve(self, reader, writer):
        while (await reader.readline()).strip():
            pass
        self.reached.set()
        while await reader.read(65_536):
            pass
        self.cut.set()
        writer.close()


@pytest.fixture
async def silent():
    receiver = Silent()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    yield receiver
    server.close()


def said(kind, message, identity, revision, **fields):
    payload = message(kind="user", id=identity, revision=revision, **fields)
    payload.until.FromSeconds(4_000_000_000)
    return Event(
        f"fp.auth.identity.{kind}", payload, team="alpha", resource_id=identity, summary="Changed.", source="auth"
    )


def ended(identity=ANN, revision=1, reason="disabled"):
    return said("ended", events_pb2.IdentityEnded, identity, revision, reason=reason)


def restored(identity=ANN, revision=2):
    event = said("restored", events_pb2.IdentityRestored, identity, revision)
    event.payload.before.FromSeconds(1)
    return event


def webhook(url):
    return pb.UpdatePreferencesRequest(channels=[pb.ChannelPreference(channel=WEBHOOK, enabled=True, target=url)])


async def test_a_webhook_of_a_disabled_person_is_cut_in_the_middle(replica, caller, bus, drift, silent):
    """The receiver would be waited for much longer than the test waits."""
    service = await replica(notification_timeout=60.0, notification_lease=120.0)
    await caller(service, "viewer").UpdatePreferences(webhook(silent.url))
    await bus.publish([drift()])
    async with asyncio.timeout(PATIENCE):
        await silent.reached.wait()
        await bus.publish([ended()])
        await silent.cut.wait()


async def test_a_disabled_person_hears_nothing_until_he_may_come_in_again(
    replica, caller, bus, drift, receiver, settings, eventually, joined
):
    service = await replica()
    await caller(service, "viewer").UpdatePreferences(webhook(receiver.url))
    admin = caller(service)
    await admin.CreateRule(
        pb.CreateRuleRequest(name="drift", patterns=["fp.models.drift.>"], channels=[WEBHOOK], target=receiver.url)
    )
    # The same stream: what follows the joining of a third person was read after the end of the first.
    await bus.publish([ended(), joined("later")])
    await eventually(lambda: is_known(settings, "later"))

    await bus.publish([drift()])
    await receiver.received(1)
    await bus.publish([restored(), joined("latest")])
    await eventually(lambda: is_known(settings, "latest"))
    await bus.publish([drift()])

    assert len(await receiver.received(3)) == 3  # the rule's twice, and the person's once


async def test_a_deleted_person_is_forgotten_with_the_addresses_that_he_gave(
    replica, caller, bus, receiver, settings, eventually
):
    service = await replica()
    await caller(service, "viewer").UpdatePreferences(webhook(receiver.url))
    assert await is_known(settings, ANN)

    await bus.publish([ended(reason="deleted")])

    async def forgotten():
        return not await is_known(settings, ANN)

    await eventually(forgotten)
    assert await rows(settings, "SELECT count(*) FROM channels WHERE recipient = $1", ANN) == 0


async def rows(settings, query, *arguments):
    database = await Database.connect(settings.database_url.get_secret_value(), source="test")
    try:
        return await database.fetchval(query, *arguments)
    finally:
        await database.close()


async def is_known(settings, user_id):
    return bool(await rows(settings, "SELECT count(*) FROM recipients WHERE id = $1", user_id))
