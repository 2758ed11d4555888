import asyncio
import json
from dataclasses import replace

import pytest
from forgepoint.notification.v1 import notification_pb2 as pb
from fp_events import Broadcast, Matching, Severity
from fp_kernel import NotFound
from fp_notification.api.consumers import EVENTS
from fp_testkit.patience import PATIENCE
from google.protobuf.any_pb2 import Any
from standardwebhooks.webhooks import Webhook

IN_APP, WEBHOOK = pb.NOTIFICATION_CHANNEL_IN_APP, pb.NOTIFICATION_CHANNEL_WEBHOOK


def rule(receiver, **changes):
    given = {"name": "drift", "patterns": ["fp.models.drift.>"], "channels": [WEBHOOK], "target": receiver.url}
    return pb.CreateRuleRequest(**(given | changes))


async def feed(stub, **wanted):
    return (await stub.ListNotifications(pb.ListNotificationsRequest(**wanted))).notifications


async def test_drift_is_told_to_the_team_and_to_its_webhook(
    replica, caller, bus, drift, joined, known, receiver, eventually
):
    service = await replica()
    admin, viewer = caller(service), caller(service, "viewer")
    made = (await admin.CreateRule(rule(receiver))).rule
    await bus.publish([joined("viewer-of-alpha"), joined("viewer-of-beta", "beta")])
    # Streams are apart: the member is known before the drift is told.
    await eventually(lambda: known("viewer-of-alpha"))
    event = drift()
    await bus.publish([event])

    (request,) = await receiver.received(1)
    secret = (await admin.GetWebhookSecret(pb.GetWebhookSecretRequest(rule_id=made.id))).secret
    delivered = Webhook(secret).verify(request.body, request.headers)
    assert (delivered["type"], delivered["data"]["severity"]) == (event.type, "WARNING")
    (mine,) = await eventually(lambda: feed(viewer))
    assert (mine.title, mine.event_id, mine.source_service) == ("delays@1 drifts", event.id, "monitor")
    assert mine.body == "The weather has changed. Report r1, 900 samples."
    assert await feed(caller(service, "viewer", "beta")) == []

    log = await eventually(lambda: _log(viewer, status=pb.DELIVERY_STATUS_DELIVERED, channel=WEBHOOK))
    of_rule = (await viewer.GetNotification(pb.GetNotificationRequest(id=log.notification_ids[0]))).notification
    assert (of_rule.rule_id, of_rule.recipient_user_id) == (made.id, "")
    for stranger in (caller(service, "viewer", "beta"), admin):
        with pytest.raises(NotFound):
            await stranger.GetNotification(pb.GetNotificationRequest(id=mine.id))


async def _log(stub, **wanted):
    found = await stub.ListDeliveryAttempts(pb.ListDeliveryAttemptsRequest(**wanted))
    return found if found.attempts else None


async def test_an_event_of_a_later_build_is_matched_and_told_by_its_envelope(
    replica, caller, bus, drift, receiver, eventually
):
    admin = caller(await replica())
    await admin.CreateRule(rule(receiver, patterns=["fp.models.>"]))
    later = Any(type_url="type.googleapis.com/forgepoint.events.v1.RocketLaunched", value=b"\x0a\x01x")
    event = replace(drift(), type="fp.models.rocket.launched", payload=later, summary="It flies.")
    # The second one has a text that names fields of the payload.
    await bus.publish([event, replace(drift(), payload=later, type="fp.models.drift.detected")])

    requests = await receiver.received(2)

    delivered = {body["type"]: body["data"] for body in (json.loads(request.body) for request in requests)}
    assert {kind: data["severity"] for kind, data in delivered.items()} == {
        "fp.models.rocket.launched": "WARNING",
        "fp.models.drift.detected": "WARNING",
    }
    assert not await bus.dead_letters.list(Matching(EVENTS.name))


async def test_two_replicas_tell_every_event_once(replica, caller, bus, drift, receiver):
    services = [await replica(), await replica()]
    admin = caller(services[0])
    receiver.answers = ["500 No", "204 No Content"]
    await admin.CreateRule(rule(receiver, channels=[WEBHOOK, IN_APP]))
    await admin.UpdatePreferences(
        pb.UpdatePreferencesRequest(channels=[pb.ChannelPreference(channel=IN_APP, enabled=True)])
    )
    heard, delivered = asyncio.Event(), []

    async def hear(event):
        delivered.append(event)
        if len(delivered) == 30:
            heard.set()

    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        caught_up = asyncio.Event()
        listening = group.create_task(
            bus.broadcast(Broadcast("test", ("fp.notifications.>",)), hear, caught_up=caught_up)
        )
        await caught_up.wait()
        events = [drift(severity=Severity.INFO, resource_id=f"m{number}") for number in range(30)]
        await bus.publish(events)
        await heard.wait()
        listening.cancel()
    ids = [request.headers["webhook-id"] for request in await receiver.received(31)]
    assert (len(ids), len(set(ids))) == (31, 30)
    assert {json.loads(each.body)["data"]["event_id"] for each in receiver.requests} == {each.id for each in events}
    assert {event.type for event in delivered} == {"fp.notifications.delivered"}
    assert len({event.payload.notification_id for event in delivered}) == 30
    assert {event.payload.channel for event in delivered} == {WEBHOOK}
    found = await admin.ListNotifications(pb.ListNotificationsRequest(pagination={"page_size": 100}))
    assert (len(found.notifications), found.unread_count) == (30, 30)


async def test_the_feed_pages_and_is_marked(replica, caller, bus, drift, eventually):
    service = await replica()
    viewer = caller(service, "viewer")
    await viewer.UpdatePreferences(
        pb.UpdatePreferencesRequest(channels=[pb.ChannelPreference(channel=IN_APP, enabled=True)])
    )
    await bus.publish([drift() for _ in range(5)])

    async def all_there():
        return len(await feed(viewer)) == 5

    await eventually(all_there)
    seen, token = [], ""
    while True:
        page = await viewer.ListNotifications(
            pb.ListNotificationsRequest(pagination={"page_size": 2, "page_token": token})
        )
        seen += [each.id for each in page.notifications]
        token = page.pagination.next_page_token
        if not token:
            break
    assert len(set(seen)) == 5
    assert seen == sorted(seen, reverse=True)
    marked = await viewer.MarkRead(pb.MarkReadRequest(ids=seen[:2]))
    assert (marked.marked_count, marked.unread_count) == (2, 3)
    assert len(await feed(viewer, unread_only=True)) == 3
    found = await viewer.GetNotification(pb.GetNotificationRequest(id=seen[0]))
    assert found.notification.read
    assert [each.status for each in found.delivery_attempts] == [pb.DELIVERY_STATUS_DELIVERED]


async def test_without_the_bus_it_answers_what_it_has(replica, settings, caller):
    service = await replica(nats_url=type(settings.nats_url)("nats://127.0.0.1:1"))
    found = await caller(service, "viewer").ListNotifications(pb.ListNotificationsRequest())
    assert found.unread_count == 0
