"""fp notifications."""

from pathlib import Path

import typer

from fp_cli.choices import DeliveryStatus, NotificationChannel, NotificationSeverity, number
from fp_cli.commands import rules
from fp_cli.output import State, done, record, rows, say

app = typer.Typer(help="Notifications: what happened, sent to those who asked for it.", no_args_is_help=True)
app.add_typer(rules.app, name="rules")
_ROW = ("severity", "title", "created_at", "read", "body", "event_type", "id")
_ATTEMPT = ("attempted_at", "channel", "status", "attempt", "response_code", "error_message", "notification_id")
_CHANNEL = ("channel", "enabled", "min_severity", "target", "disabled_reason")
_RULE = typer.Option("", "--rule", help="Name or id; default: your own channel.")


@app.command("list")
def list_notifications(
    context: typer.Context,
    unread: bool = typer.Option(False, "--unread", help="Only what was not read."),
    severity: NotificationSeverity | None = typer.Option(None, case_sensitive=False, help="As bad as this, or worse."),
    pattern: str = typer.Option("", "--type", help="Pattern of event types, such as fp.models.>."),
    limit: int = typer.Option(20, min=1),
) -> None:
    """List your notifications, newest first."""
    from forgepoint.notification.v1 import notification_pb2, notification_pb2_grpc

    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = notification_pb2_grpc.NotificationServiceStub(client.channel)
        request = notification_pb2.ListNotificationsRequest(
            unread_only=unread,
            min_severity=number(notification_pb2.NotificationSeverity, severity),
            event_type_filter=pattern,
        )
        found = client.pages(stub.ListNotifications, request, "notifications", limit)
        rows(state, _ROW, [plain(notification) for notification in found])


@app.command("get")
def get_notification(context: typer.Context, notification_id: str) -> None:
    """Show a notification with every attempt to deliver it."""
    from forgepoint.notification.v1 import notification_pb2, notification_pb2_grpc

    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = notification_pb2_grpc.NotificationServiceStub(client.channel)
        request = notification_pb2.GetNotificationRequest(id=notification_id)
        found = plain(client.call(stub.GetNotification, request))
    record(state, found if state.structured else found["notification"])
    if not state.structured and found["delivery_attempts"]:
        say(state, "")
        rows(state, _ATTEMPT[:-1], found["delivery_attempts"])


@app.command("read")
def read(
    context: typer.Context,
    ids: list[str] = typer.Argument(None, metavar="ID..."),
    everything: bool = typer.Option(False, "--all", help="All of yours that are there now."),
) -> None:
    """Mark notifications as read."""
    from forgepoint.notification.v1 import notification_pb2, notification_pb2_grpc

    from fp_cli import deliveries
    from fp_cli.client import connect

    state: State = context.obj
    with connect(state) as client:
        stub = notification_pb2_grpc.NotificationServiceStub(client.channel)
        newest = deliveries.newest(client) if everything else ""
        request = notification_pb2.MarkReadRequest(ids=ids or [], mark_all=everything, up_to_id=newest)
        answer = client.call(stub.MarkRead, request)
    facts = {"marked": answer.marked_count, "unread": answer.unread_count}
    done(state, f"{answer.marked_count} are marked as read, {answer.unread_count} are unread", **facts)


@app.command("deliveries")
def deliveries(
    context: typer.Context,
    notification_id: str = typer.Option("", "--notification", help="Of one notification."),
    channel: NotificationChannel | None = typer.Option(None, case_sensitive=False),
    status: DeliveryStatus | None = typer.Option(None, case_sensitive=False),
    limit: int = typer.Option(50, min=1),
) -> None:
    """Show the delivery log: yours and that of the team's rules."""
    from forgepoint.notification.v1 import notification_pb2

    from fp_cli import deliveries
    from fp_cli.client import connect

    state: State = context.obj
    request = notification_pb2.ListDeliveryAttemptsRequest(
        channel=number(notification_pb2.NotificationChannel, channel),
        status=number(notification_pb2.DeliveryStatus, status),
        notification_id=notification_id,
    )
    with connect(state) as client:
        rows(state, _ATTEMPT, list(deliveries.attempts(client, request, limit)))


@app.command("test")
def try_channel(
    context: typer.Context,
    rule: str = _RULE,
    channel: NotificationChannel = typer.Option(NotificationChannel.WEBHOOK, case_sensitive=False),
) -> None:
    """Send one test message and show what came of it; exits 7 when it was not taken."""
    from fp_cli import deliveries
    from fp_cli.client import connect

    state: State = context.obj
    with connect(state) as client:
        facts = deliveries.test(client, channel, rule)
    record(state, facts)
    if facts["status"] != DeliveryStatus.DELIVERED:
        raise SystemExit(7)


@app.command("secret")
def secret(context: typer.Context, rule: str = _RULE) -> None:
    """Show the secret that verifies the messages of a webhook (Standard Webhooks)."""
    from forgepoint.notification.v1 import notification_pb2, notification_pb2_grpc

    from fp_cli import names
    from fp_cli.client import connect

    state: State = context.obj
    with connect(state) as client:
        stub = notification_pb2_grpc.NotificationServiceStub(client.channel)
        request = notification_pb2.GetWebhookSecretRequest(rule_id=names.rule(client, rule))
        found = client.call(stub.GetWebhookSecret, request).secret
    done(state, found, secret=found)


@app.command("preferences")
def preferences(
    context: typer.Context,
    file: Path | None = typer.Option(
        None, "--set", help="Replace them by this JSON or YAML of an UpdatePreferencesRequest.", allow_dash=True
    ),
) -> None:
    """Show your channels and mutes, or replace them."""
    from forgepoint.notification.v1 import notification_pb2, notification_pb2_grpc

    from fp_cli import client as clients
    from fp_cli import documents
    from fp_cli.messages import plain

    state: State = context.obj
    with clients.connect(state) as client:
        stub = notification_pb2_grpc.NotificationServiceStub(client.channel)
        if file is None:
            answer = client.call(stub.GetPreferences, notification_pb2.GetPreferencesRequest())
        else:
            document = documents.load(file, "set of preferences")
            request = documents.fill(notification_pb2.UpdatePreferencesRequest(), document)
            request.idempotency_key = clients.idempotency_key("")
            answer = client.call(stub.UpdatePreferences, request)
    found = plain(answer.preferences)
    record(state, found, ("muted_event_patterns", "updated_at"))
    if not state.structured:
        say(state, "")
        rows(state, _CHANNEL, found["channels"])
