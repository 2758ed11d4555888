"""One message to one recipient, and its way there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from fp_kernel import new_id

from fp_notification.domain.matching import Addressee, Facts
from fp_notification.domain.recipients import Channel, RecipientKind
from fp_notification.domain.severity import Severity
from fp_notification.domain.templates import Templates

LAST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff"
"""Not less than any id."""


class Status(StrEnum):
    """Of a delivery, and of one attempt at it. SUPPRESSED: its channel was switched off before it could go."""

    PENDING = "PENDING"
    RETRYING = "RETRYING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    SUPPRESSED = "SUPPRESSED"


@dataclass(frozen=True, slots=True)
class Notification:
    """recipient: id of a user, or of a rule. read_at: None while it is unread.

    events: how many it stands for; above one it is the digest of a flood.
    """

    id: str
    team: str
    recipient: str
    kind: RecipientKind
    event_id: str
    event_type: str
    source: str
    resource_id: str
    severity: Severity
    title: str
    body: str
    channels: tuple[Channel, ...]
    created_at: datetime
    read_at: datetime | None = None
    correlation_id: str = ""
    trace: Mapping[str, str] = field(default_factory=dict)
    events: int = 1


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try. response_code: of the receiver, 0 when it answered none. number: 1 for the first."""

    notification_id: str
    channel: Channel
    status: Status
    number: int
    response_code: int
    error: str
    at: datetime
    id: str = field(default_factory=new_id)


def write(facts: Facts, addressee: Addressee, templates: Templates, now: datetime, events: int = 1) -> Notification:
    title, body = templates.render(facts)
    return Notification(
        id=new_id(now),
        team=facts.team,
        recipient=addressee.recipient.id,
        kind=addressee.recipient.kind,
        event_id=facts.event_id,
        event_type=facts.type,
        source=facts.source,
        resource_id=facts.resource_id,
        severity=facts.severity,
        title=title,
        body=body,
        channels=addressee.channels,
        created_at=now,
        correlation_id=facts.correlation_id,
        trace=facts.trace,
        events=events,
    )
