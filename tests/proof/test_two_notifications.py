"""Two processes deliver the same events, and each is killed once while it sends: every notification once."""

import asyncio
import base64
import json
from collections import Counter

import pytest
from forgepoint.events.v1 import events_pb2
from forgepoint.notification.v1 import notification_pb2 as pb
from forgepoint.notification.v1.notification_pb2_grpc import NotificationServiceStub
from fp_events import Event, Severity
from fp_postgres import Database
from replicas import answered, eventually, heard
from standardwebhooks.webhooks import Webhook

pytestmark = pytest.mark.proof
# Fewer than the feed counts as unread.
EVENTS, SLICE = 960, 80
# Deliveries at a time in one process, as the service's settings say.
CAPACITY = 16
IN_APP, WEBHOOK = pb.NOTIFICATION_CHANNEL_IN_APP, pb.NOTIFICATION_CHANNEL_WEBHOOK
SETTINGS = {
    "FP_NOTIFICATION_SIGNING_KEY": base64.b64encode(b"k" * 32).decode(),
    "FP_NOTIFICATION_WEBHOOK_LOOPBACK": "127.0.0.0/8",
    "FP_NOTIFICATION_BACKOFF": "0.1,0.1,0.1,0.1,0.1,0.1",
    "FP_NOTIFICATION_POLL": "0.05",
    "FP_NOTIFICATION_TIMEOUT": "2",
    "FP_NOTIFICATION_LEASE": "4",
}


def drift(number: int) -> Event:
    """Each of another model: many events of one would be delivered as one digest."""
    payload = events_pb2.ModelDriftDetected(model_name="delays", model_version="1", report_id=f"report-{number}")
    text = "The weather has changed."
    return Event("fp.models.drift.detected", payload, "alpha", f"m{number}", text, severity=Severity.INFO)


@pytest.fixture
async def receiver():
    """Address and requests of someone's webhook: headers and body of each."""
    requests = []

    async def serve(reader, writer):
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in head[1:] if line)}
            requests.append((headers, await reader.readexactly(int(headers["content-length"]))))
            # Slow, so that a death finds messages under way.
            await asyncio.sleep(0.2)
            writer.write(b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n")
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook", requests
    server.close()
    await server.wait_closed()


async def test_every_event_is_told_once_by_two_of_which_each_dies_once(replicas, bus, receiver):
    url, requests = receiver
    pair = await replicas("notification", **SETTINGS)
    admin = NotificationServiceStub(pair.channel(pair.first))
    channels = [IN_APP, WEBHOOK]
    wanted = pb.CreateRuleRequest(name="drift", patterns=["fp.models.drift.>"], channels=channels, target=url)
    rule = (await admin.CreateRule(wanted)).rule
    secret = (await admin.GetWebhookSecret(pb.GetWebhookSecretRequest(rule_id=rule.id))).secret
    await admin.UpdatePreferences(
        pb.UpdatePreferencesRequest(channels=[pb.ChannelPreference(channel=IN_APP, enabled=True)])
    )
    events = [drift(number) for number in range(EVENTS)]

    async def publish(part):
        await bus.publish(events[part * SLICE : (part + 1) * SLICE])

    alone = await pair.under_deaths(publish, EVENTS // SLICE)
    database = await Database.connect(pair.database_url, source="proof")

    async def settled():
        deliveries = await database.fetchval("SELECT count(*) FROM deliveries")
        return deliveries >= EVENTS and not await database.fetchval(
            "SELECT count(*) FROM deliveries WHERE status <> 'DELIVERED'"
        )

    await eventually(settled)
    ids = Counter(headers["webhook-id"] for headers, _ in requests)
    bodies = {headers["webhook-id"]: Webhook(secret).verify(body, headers) for headers, body in requests}
    assert len(ids) == EVENTS
    assert Counter(body["data"]["event_id"] for body in bodies.values()) == Counter(event.id for event in events)
    # What was under way at a death is sent again under the same id, so that the receiver recognises it.
    assert len(requests) - EVENTS <= 2 * CAPACITY
    shown = NotificationServiceStub(pair.channel(pair.second))
    feed = await answered(lambda: shown.ListNotifications(pb.ListNotificationsRequest()))
    assert feed.unread_count == EVENTS
    # Of webhooks only; the resource is the rule.
    deliveries = await heard(bus, "fp.notifications.delivered", EVENTS)
    assert Counter(event.payload.notification_id for event in deliveries) == dict.fromkeys(ids, 1)
    assert min(alone) > 0, "both had a part in it"
    await database.close()
    print(json.dumps({"proof": "two notifications", "events": EVENTS, "sent_again": len(requests) - EVENTS}))
