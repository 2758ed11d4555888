"""Rows as domain values, and back."""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, TypeVar

from asyncpg import Record

from fp_notification.domain.notifications import Attempt, Notification, Status
from fp_notification.domain.recipients import (
    DEFAULT_CHANNELS,
    Channel,
    ChannelSetting,
    Recipient,
    RecipientKind,
)
from fp_notification.domain.severity import Severity
from fp_notification.domain.webhook_secrets import WebhookSecrets

Item = TypeVar("Item")

BITE = 2_000
"""Rows a statement."""

# Of `recipients r LEFT JOIN channels c`: one row a channel, those of a recipient together.
RECIPIENT = """
r.team, r.id, r.kind, r.name, r.patterns, r.muted, r.created_by, r.created_at, r.updated_at,
r.revision, r.changed_by,
c.channel, c.enabled, c.min_severity, c.target, c.secret_id, c.disabled_reason, c.signing_secret, c.headers
"""
NOTIFICATION = """
n.id::text, n.team, n.recipient, n.kind, n.event_id::text, n.event_type, n.source, n.resource_id, n.severity,
n.title, n.body, n.channels, n.created_at, n.read_at, n.correlation_id, n.trace, n.events
"""
ATTEMPT = "id::text, notification_id::text, channel, status, number, response_code, error, attempted_at"


def to_recipients(rows: Iterable[Record]) -> list[Recipient]:
    """rows: ordered so that those of a recipient are together."""
    groups = groupby(rows, key=lambda row: (row["team"], row["id"]))
    return [_to_recipient(list(group)) for _, group in groups]


def to_setting(row: Record) -> ChannelSetting | None:
    """None for a recipient without the channel."""
    if row["enabled"] is None:
        return None
    return ChannelSetting(
        channel=Channel(row["channel"]),
        enabled=row["enabled"],
        min_severity=Severity(row["min_severity"]),
        target=row["target"],
        secret_id=row["secret_id"],
        disabled_reason=row["disabled_reason"],
        secrets=WebhookSecrets(row["signing_secret"], tuple(sorted(json.loads(row["headers"]).items()))),
    )


def to_notification(row: Record) -> Notification:
    return Notification(
        id=row["id"],
        team=row["team"],
        recipient=row["recipient"],
        kind=RecipientKind(row["kind"]),
        event_id=row["event_id"],
        event_type=row["event_type"],
        source=row["source"],
        resource_id=row["resource_id"],
        severity=Severity(row["severity"]),
        title=row["title"],
        body=row["body"],
        channels=tuple(Channel(each) for each in row["channels"]),
        created_at=row["created_at"],
        read_at=row["read_at"],
        correlation_id=row["correlation_id"],
        trace=json.loads(row["trace"]),
        events=row["events"],
    )


def of_notification(notification: Notification) -> tuple[Any, ...]:
    """In the order of the columns, without `read_at`."""
    return (
        notification.id,
        notification.team,
        notification.recipient,
        notification.kind,
        notification.event_id,
        notification.event_type,
        notification.source,
        notification.resource_id,
        notification.severity,
        notification.title,
        notification.body,
        ",".join(notification.channels),
        Channel.IN_APP in notification.channels,
        notification.created_at,
        notification.correlation_id,
        json.dumps(dict(notification.trace)),
        notification.events,
    )


def of_attempt(made: tuple[Notification, Attempt]) -> tuple[Any, ...]:
    notification, attempt = made
    return (
        attempt.id,
        notification.team,
        notification.recipient,
        notification.kind,
        notification.id,
        attempt.channel,
        attempt.status,
        attempt.number,
        attempt.response_code,
        attempt.error,
        attempt.at,
    )


def columns(rows: Iterable[Sequence[object]], width: int) -> list[list[object]]:
    """The rows turned on their side, as `unnest` takes them."""
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]


def batched(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def to_attempt(row: Record) -> Attempt:
    return Attempt(
        id=row["id"],
        notification_id=row["notification_id"],
        channel=Channel(row["channel"]),
        status=Status(row["status"]),
        number=row["number"],
        response_code=row["response_code"],
        error=row["error"],
        at=row["attempted_at"],
    )


def _to_recipient(rows: list[Record]) -> Recipient:
    first = rows[0]
    kind = RecipientKind(first["kind"])
    chose_nothing = kind is RecipientKind.USER and first["updated_at"] is None
    chosen = tuple(setting for row in rows if (setting := to_setting(row)) is not None)
    return Recipient(
        team=first["team"],
        id=first["id"],
        kind=kind,
        name=first["name"],
        patterns=tuple(first["patterns"]),
        muted=tuple(first["muted"]),
        channels=DEFAULT_CHANNELS if chose_nothing else chosen,
        created_by=first["created_by"],
        created_at=first["created_at"],
        updated_at=first["updated_at"],
        revision=first["revision"],
        changed_by=first["changed_by"],
    )
