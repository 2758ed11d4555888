"""Who is notified of an event: decided from its envelope alone, so that a new event type needs no code."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from fp_notification.domain.patterns import matches_any
from fp_notification.domain.recipients import Channel, Recipient, RecipientKind
from fp_notification.domain.severity import Severity

OWN = ("fp.notifications.>", "fp.dlq.>")
# Very many, or about everybody's calls: not subscribed to, see ADR 0080.
NOT_OFFERED = ("fp.inference.>", "fp.audit.>")
OFFERED_ALL = "fp.>"


@dataclass(frozen=True, slots=True)
class Facts:
    """An event as the rules see it. details: the plain fields of its payload, for templates only."""

    event_id: str
    type: str
    team: str
    severity: Severity
    source: str
    resource_id: str
    summary: str
    actor: str
    time: datetime
    correlation_id: str = ""
    trace: Mapping[str, str] = field(default_factory=dict)
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Addressee:
    """One recipient of one event, and the channels by which it is reached."""

    recipient: Recipient
    channels: tuple[Channel, ...]


def is_silent(event_type: str) -> bool:
    """Never shown to anyone: what this service itself publishes, and dead letters."""
    return matches_any(OWN, event_type)


def decide(facts: Facts, audience: Iterable[Recipient]) -> Sequence[Addressee]:
    """Who of the event's team is notified: by its team, type and severity alone.

    audience: every recipient of that team.
    """
    if is_silent(facts.type):
        return ()
    audience = [each for each in audience if each.team == facts.team]
    rules = [each for each in audience if each.kind is RecipientKind.RULE and _asked(each, facts)]
    for_all = any(Channel.IN_APP in _open(rule, facts) for rule in rules)
    found = [(rule, _open(rule, facts) - {Channel.IN_APP}) for rule in rules]
    people = [each for each in audience if each.kind is RecipientKind.USER and _asked(each, facts)]
    extra = {Channel.IN_APP} if for_all else set()
    found += [(person, _open(person, facts) | extra) for person in people]
    return [Addressee(each, tuple(sorted(channels))) for each, channels in found if channels]


def _asked(recipient: Recipient, facts: Facts) -> bool:
    wanted = recipient.kind is RecipientKind.USER or matches_any(recipient.patterns, facts.type)
    return wanted and not matches_any(recipient.muted, facts.type)


def _open(recipient: Recipient, facts: Facts) -> set[Channel]:
    return {each.channel for each in recipient.channels if each.enabled and facts.severity >= each.min_severity}
