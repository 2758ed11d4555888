"""The delivery log, the newest notification, and messages that test a channel."""

from collections.abc import Iterator
from typing import Any

from forgepoint.common.v1 import common_pb2
from forgepoint.notification.v1 import notification_pb2 as pb
from forgepoint.notification.v1 import notification_pb2_grpc

from fp_cli import names
from fp_cli.choices import NotificationChannel, number
from fp_cli.client import PAGE, Client, idempotency_key
from fp_cli.messages import plain


def attempts(client: Client, request: pb.ListDeliveryAttemptsRequest, limit: int) -> Iterator[dict[str, Any]]:
    """Each with the notification that it is of, which the API returns beside."""
    stub = notification_pb2_grpc.NotificationServiceStub(client.channel)
    token = ""
    while limit > 0:
        request.pagination.CopyFrom(common_pb2.PaginationRequest(page_size=min(limit, PAGE), page_token=token))
        response = client.call(stub.ListDeliveryAttempts, request)
        for attempt, notification_id in zip(response.attempts, response.notification_ids, strict=True):
            yield plain(attempt) | {"notification_id": notification_id}
        limit -= len(response.attempts)
        token = response.pagination.next_page_token
        if not token:
            return


def newest(client: Client) -> str:
    """Id of the caller's newest notification; empty when there is none."""
    stub = notification_pb2_grpc.NotificationServiceStub(client.channel)
    found = client.pages(stub.ListNotifications, pb.ListNotificationsRequest(), "notifications", 1)
    return next((each.id for each in found), "")


def test(client: Client, channel: NotificationChannel, rule: str) -> dict[str, Any]:
    """rule: name or id; empty for the caller's own channel."""
    stub = notification_pb2_grpc.NotificationServiceStub(client.channel)
    request = pb.TestChannelRequest(
        channel=number(pb.NotificationChannel, channel),
        rule_id=names.rule(client, rule),
        idempotency_key=idempotency_key(""),
    )
    return plain(client.call(stub.TestChannel, request))
