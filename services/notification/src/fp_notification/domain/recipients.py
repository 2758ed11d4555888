"""Who is notified, and where."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from fp_notification.domain.severity import Severity
from fp_notification.domain.webhook_secrets import NONE, WebhookSecrets


class Channel(StrEnum):
    """EMAIL: of a person his own address; of a rule the one that it names."""

    IN_APP = "IN_APP"
    WEBHOOK = "WEBHOOK"
    SLACK = "SLACK"
    EMAIL = "EMAIL"


CALLED = frozenset((Channel.WEBHOOK, Channel.SLACK))
"""Their target is a URL, or a reference to a secret that holds it."""


class RecipientKind(StrEnum):
    USER = "USER"
    RULE = "RULE"


TARGET_GONE = "TARGET_GONE"


@dataclass(frozen=True, slots=True)
class ChannelSetting:
    """One way to reach a recipient.

    min_severity: nothing below it. target: URL, reference or address; empty in the application.
    secret_id: names the derived key that signs for this target; a new target has a new one.
    secrets: of the team, that messages of a webhook are made with.
    disabled_reason: why the platform stopped using it; empty when it did not.
    """

    channel: Channel
    enabled: bool
    min_severity: Severity
    target: str = ""
    secret_id: str = ""
    disabled_reason: str = ""
    secrets: WebhookSecrets = NONE


DEFAULT_CHANNELS = (ChannelSetting(Channel.IN_APP, enabled=True, min_severity=Severity.WARNING),)
EVERYTHING = ("fp.>",)


@dataclass(frozen=True, slots=True)
class Recipient:
    """A person of a team, or a rule of it.

    patterns: the events that concern it; for a person every event. muted: exceptions from them.
    name: of a rule. created_by, updated_at: empty for a person who never chose anything.
    revision: of a rule, grows with each change. changed_by: who made the last change; empty when there was none.
    """

    team: str
    id: str
    kind: RecipientKind
    name: str = ""
    patterns: tuple[str, ...] = EVERYTHING
    muted: tuple[str, ...] = ()
    channels: tuple[ChannelSetting, ...] = field(default=DEFAULT_CHANNELS)
    created_by: str = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None
    revision: int = 1
    changed_by: str = ""

    def channel(self, channel: Channel) -> ChannelSetting | None:
        return next((each for each in self.channels if each.channel is channel), None)
