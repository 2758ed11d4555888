"""fp notifications rules."""

from typing import Any

import typer

from fp_cli.choices import NotificationChannel, NotificationSeverity, number
from fp_cli.output import State, done, record, rows, say

app = typer.Typer(help="Rules: of which events a team is notified, and where.", no_args_is_help=True)
_RULE = ("name", "patterns", "min_severity", "channels", "target", "disabled_reason", "created_at", "id")


@app.command("list")
def list_rules(context: typer.Context, limit: int = typer.Option(100, min=1)) -> None:
    """List the rules of the team, newest first."""
    from forgepoint.notification.v1 import notification_pb2, notification_pb2_grpc

    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = notification_pb2_grpc.NotificationServiceStub(client.channel)
        found = client.pages(stub.ListRules, notification_pb2.ListRulesRequest(), "rules", limit)
        rows(state, _RULE, [plain(rule) for rule in found])


@app.command("create")
def create_rule(
    context: typer.Context,
    name: str,
    patterns: list[str] = typer.Option(..., "--pattern", help="Of event types, such as fp.models.>; several times."),
    webhook: str = typer.Option("", help="URL that is called."),
    signing_secret: str = typer.Option("", help="Secret that signs for the webhook: secret://name."),
    headers: list[str] = typer.Option([], "--header", help="Of the webhook: Name=secret://name; several times."),
    in_app: bool = typer.Option(False, "--in-app", help="Notify every member of the team in the application."),
    severity: NotificationSeverity = typer.Option(
        NotificationSeverity.INFO, case_sensitive=False, help="As bad as this, or worse."
    ),
    idempotency_key: str = typer.Option("", help="A repeat with the same key happens once."),
) -> None:
    """Make a rule for the team."""
    from forgepoint.notification.v1 import notification_pb2, notification_pb2_grpc

    from fp_cli import client as clients
    from fp_cli import pairs
    from fp_cli.messages import plain

    state: State = context.obj
    chosen = [NotificationChannel.WEBHOOK] * bool(webhook) + [NotificationChannel.IN_APP] * in_app
    request = notification_pb2.CreateRuleRequest(
        name=name,
        patterns=patterns,
        min_severity=number(notification_pb2.NotificationSeverity, severity),
        channels=[number(notification_pb2.NotificationChannel, channel) for channel in chosen],
        target=webhook,
        signing_secret=signing_secret,
        headers=pairs.texts(headers, "header"),
        idempotency_key=clients.idempotency_key(idempotency_key),
    )
    with clients.connect(state) as client:
        stub = notification_pb2_grpc.NotificationServiceStub(client.channel)
        rule = client.call(stub.CreateRule, request).rule
    record(state, plain(rule), _RULE)
    if webhook and not signing_secret:
        say(state, f"its receiver verifies with: fp notifications secret --rule {rule.name}")


@app.command("update")
def update_rule(
    context: typer.Context,
    name: str = typer.Argument(help="Name or id."),
    new_name: str = typer.Option("", "--name", help="What it is called from now on."),
    patterns: list[str] = typer.Option([], "--pattern", help="In place of all patterns; several times."),
    webhook: str | None = typer.Option(None, help="URL that is called instead; '' for none."),
    signing_secret: str | None = typer.Option(
        None, help="What signs for the webhook; '' for a secret of the platform."
    ),
    headers: list[str] = typer.Option([], "--header", help="In place of all: Name=secret://name; several times."),
    in_app: bool | None = typer.Option(None, "--in-app/--no-in-app", help="Whether members see it in the application."),
    severity: NotificationSeverity | None = typer.Option(None, case_sensitive=False, help="As bad as this, or worse."),
    idempotency_key: str = typer.Option("", help="A repeat with the same key happens once."),
) -> None:
    """Change a rule; what is not given stays. A webhook with the same URL keeps its secret."""
    from forgepoint.notification.v1 import notification_pb2, notification_pb2_grpc

    from fp_cli import client as clients
    from fp_cli import names
    from fp_cli.messages import plain

    state: State = context.obj
    with clients.connect(state) as client:
        stub = notification_pb2_grpc.NotificationServiceStub(client.channel)
        present = names.found_rule(client, name)
        request = _as_it_is(present)
        request.name = new_name
        request.idempotency_key = clients.idempotency_key(idempotency_key)
        if patterns:
            request.patterns[:] = patterns
        if severity is not None:
            request.min_severity = number(notification_pb2.NotificationSeverity, severity)
        if webhook is not None:
            _call(request, webhook)
        if in_app is not None:
            _show(request, shown=in_app)
        _sign(request, signing_secret, headers)
        rule = client.call(stub.UpdateRule, request).rule
    record(state, plain(rule), _RULE)


def _as_it_is(rule: Any) -> Any:
    """The change of a rule that changes nothing."""
    from forgepoint.notification.v1 import notification_pb2

    return notification_pb2.UpdateRuleRequest(
        id=rule.id,
        patterns=rule.patterns,
        min_severity=rule.min_severity,
        channels=rule.channels,
        target=rule.target,
        signing_secret=rule.signing_secret,
        headers=dict(rule.headers),
        expected_revision=rule.revision,
    )


def _call(request: Any, webhook: str) -> None:
    """In place of whatever target there was: a rule has one at most."""
    from forgepoint.notification.v1 import notification_pb2 as pb

    request.target = webhook
    shown = [each for each in request.channels if each == pb.NOTIFICATION_CHANNEL_IN_APP]
    request.channels[:] = [pb.NOTIFICATION_CHANNEL_WEBHOOK, *shown] if webhook else shown
    if not webhook:
        request.signing_secret = ""
        request.headers.clear()


def _sign(request: Any, secret: str | None, headers: list[str]) -> None:
    from fp_cli import pairs

    if secret is not None:
        request.signing_secret = secret
    if headers:
        request.headers.clear()
        request.headers.update(pairs.texts(headers, "header"))


def _show(request: Any, *, shown: bool) -> None:
    from forgepoint.notification.v1 import notification_pb2 as pb

    others = [each for each in request.channels if each != pb.NOTIFICATION_CHANNEL_IN_APP]
    request.channels[:] = [*others, pb.NOTIFICATION_CHANNEL_IN_APP] if shown else others


@app.command("delete")
def delete_rule(context: typer.Context, name: str = typer.Argument(help="Name or id.")) -> None:
    """Delete a rule; its notifications stay in the log."""
    from forgepoint.notification.v1 import notification_pb2, notification_pb2_grpc

    from fp_cli import client as clients
    from fp_cli import names

    state: State = context.obj
    with clients.connect(state) as client:
        stub = notification_pb2_grpc.NotificationServiceStub(client.channel)
        rule_id = names.rule(client, name)
        request = notification_pb2.DeleteRuleRequest(id=rule_id, idempotency_key=clients.idempotency_key(""))
        client.call(stub.DeleteRule, request)
    done(state, f"{name} is deleted", id=rule_id, deleted=True)
