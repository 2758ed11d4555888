"""Preferences of people, and channels."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from fp_kernel import FieldViolation, InvalidArgument, invalid, new_id
from fp_kernel.secret_references import is_reference, parse_reference
from fp_kernel.texts import check_line

from fp_notification.domain.mails import parse_address
from fp_notification.domain.matching import NOT_OFFERED, OFFERED_ALL, OWN
from fp_notification.domain.patterns import check_pattern, meets
from fp_notification.domain.recipients import CALLED, Channel, ChannelSetting, Recipient, RecipientKind
from fp_notification.domain.severity import Severity
from fp_notification.domain.targets import mask, parse_target
from fp_notification.domain.webhook_secrets import NONE, WebhookSecrets

MAX_MUTES = 100
MAX_PATTERNS = 20
MAX_RULES = 100
_LONGEST_NAME = 100
_FOR_WEBHOOKS = "signing secret and headers are for the channel WEBHOOK"


@dataclass(frozen=True, slots=True)
class WantedChannel:
    """As the caller put it. channel: None for one that does not exist here yet, called `label`."""

    channel: Channel | None
    label: str
    enabled: bool
    min_severity: Severity
    target: str
    secrets: WebhookSecrets = NONE


@dataclass(frozen=True, slots=True)
class NewRule:
    name: str
    patterns: tuple[str, ...]
    min_severity: Severity
    channels: tuple[tuple[Channel | None, str], ...]
    target: str
    secrets: WebhookSecrets = NONE


def check_mutes(patterns: Sequence[str]) -> tuple[str, ...]:
    """Raises InvalidArgument naming the pattern."""
    if len(patterns) > MAX_MUTES:
        raise invalid("muted_event_patterns", f"must be at most {MAX_MUTES}")
    checked = (check_pattern(each, f"muted_event_patterns[{index}]") for index, each in enumerate(patterns))
    return tuple(dict.fromkeys(checked))


def choose_channels(
    wanted: Sequence[WantedChannel], present: Recipient, address: str = ""
) -> tuple[ChannelSetting, ...]:
    """What replaces the present channels. A target that is empty, or as it was shown, stays as it is.

    address: the person's own e-mail address, the only one that mails may go to; empty when it is not known.
    Raises InvalidArgument naming the field.
    """
    chosen: dict[Channel, ChannelSetting] = {}
    for index, each in enumerate(wanted):
        channel = _existing(each.channel, each.label, f"channels[{index}].channel")
        if channel in chosen:
            raise invalid(f"channels[{index}].channel", "is given twice")
        field, before = f"channels[{index}].target", present.channel(channel)
        if channel is not Channel.WEBHOOK and each.secrets.references:
            raise invalid(f"channels[{index}]", _FOR_WEBHOOKS)
        if channel is Channel.EMAIL:
            chosen[channel] = _mailed(each, before, address, field)
        else:
            chosen[channel] = _chosen(channel, each, before, field)
    return tuple(chosen[channel] for channel in Channel if channel in chosen)


def reuses_target(wanted: WantedChannel, present: ChannelSetting | None) -> bool:
    """Whether nothing new is named: no target, the present one, or that as it was shown."""
    return not wanted.target or (present is not None and wanted.target in (mask(present.target), present.target))


def create_rule(new: NewRule, *, team: str, by: str, now: datetime) -> Recipient:
    """Raises InvalidArgument naming the field."""
    return Recipient(
        team=team,
        id=new_id(),
        kind=RecipientKind.RULE,
        name=_check_name(new.name),
        patterns=_check_patterns(new.patterns),
        channels=_check_channels(new),
        created_by=by,
        created_at=now,
        updated_at=now,
    )


def change_rule(present: Recipient, wanted: NewRule, *, by: str, now: datetime) -> Recipient:
    """The rule as it is wanted. An empty name stays as it is, and so does a target that is empty or as it was shown: it
    keeps its secret, and what was switched off is on again.

    Raises InvalidArgument naming the field.
    """
    called = next((each for each in present.channels if each.target), None)
    stays = called is not None and not _is_new(wanted, called)
    channels = _check_channels(replace(wanted, target=called.target) if called is not None and stays else wanted)
    if called is not None and stays:
        channels = tuple(replace(each, secret_id=called.secret_id) if each.target else each for each in channels)
    return replace(
        present,
        name=_check_name(wanted.name) if wanted.name else present.name,
        patterns=_check_patterns(wanted.patterns),
        channels=channels,
        updated_at=now,
        revision=present.revision + 1,
        changed_by=by,
    )


def names_new_target(wanted: NewRule, present: Recipient) -> bool:
    """Whether a change of a rule names a target that it does not have."""
    called = next((each for each in present.channels if each.target), None)
    return bool(wanted.target) and (called is None or _is_new(wanted, called))


def _is_new(wanted: NewRule, called: ChannelSetting) -> bool:
    """Another way or another place; without a target no other way is meant, but one without any."""
    if called.channel not in {channel for channel, _ in wanted.channels}:
        return True
    return bool(wanted.target) and wanted.target not in (mask(called.target), called.target)


def _check_name(given: str) -> str:
    name = unicodedata.normalize("NFC", given.strip())
    check_line(name, "name", _LONGEST_NAME, required=True)
    return name


def _check_channels(new: NewRule) -> tuple[ChannelSetting, ...]:
    channels = {_existing(channel, label, f"channels[{index}]") for index, (channel, label) in enumerate(new.channels)}
    if not channels:
        raise invalid("channels", "must name at least one")
    if len(channels - {Channel.IN_APP}) > 1:
        raise invalid("channels", "must name one of WEBHOOK, SLACK and EMAIL at most: a rule has one target")
    if Channel.EMAIL in channels:
        parse_address(new.target, "target")
    elif channels & CALLED:
        _check_called(new.target, "target")
    elif new.target:
        raise invalid("target", "is for rules with the channel WEBHOOK, SLACK or EMAIL")
    if new.secrets.references and Channel.WEBHOOK not in channels:
        raise invalid("signing_secret" if new.secrets.signing else "headers", _FOR_WEBHOOKS)
    return tuple(_of_rule(channel, new) for channel in sorted(channels))


def _check_patterns(patterns: Sequence[str]) -> tuple[str, ...]:
    if not 0 < len(patterns) <= MAX_PATTERNS:
        raise invalid("patterns", f"must be 1 to {MAX_PATTERNS}")
    for index, pattern in enumerate(patterns):
        field = f"patterns[{index}]"
        check_pattern(pattern, field)
        if _lies_within((*NOT_OFFERED, *OWN), pattern):
            problem = f"names events that rules cannot ask for: {', '.join((*NOT_OFFERED, *OWN))}"
            raise InvalidArgument(
                f"{field}: {problem}", reason="EVENTS_NOT_OFFERED", fields=(FieldViolation(field, problem),)
            )
    return tuple(dict.fromkeys(patterns))


def _lies_within(closed: Iterable[str], pattern: str) -> bool:
    """Whether it names a closed resource; `fp.>` and `fp.*.failed` do not, and mean all the others."""
    resource = pattern.split(".")[1]
    return resource not in ("*", ">") and pattern != OFFERED_ALL and any(meets(each, pattern) for each in closed)


def _existing(channel: Channel | None, label: str, field: str) -> Channel:
    if channel is None:
        what = f"{label or 'it'} is no channel that exists; use {', '.join(Channel)}"
        raise InvalidArgument(f"{field}: {what}", reason="CHANNEL_NOT_OFFERED", fields=(FieldViolation(field, what),))
    return channel


def _chosen(channel: Channel, wanted: WantedChannel, present: ChannelSetting | None, field: str) -> ChannelSetting:
    setting = ChannelSetting(channel, wanted.enabled, wanted.min_severity, secrets=wanted.secrets)
    if channel not in CALLED:
        if wanted.target:
            raise invalid(field, "is for the channels WEBHOOK, SLACK and EMAIL")
        return setting
    if present is not None and present.target and reuses_target(wanted, present):
        # Only the owner's word brings back what was switched off.
        reason = "" if wanted.enabled else present.disabled_reason
        return replace(setting, target=present.target, secret_id=present.secret_id, disabled_reason=reason)
    if not wanted.target and not wanted.enabled:
        return setting
    _check_called(wanted.target, field)
    return replace(setting, target=wanted.target, secret_id=new_id())


def _mailed(wanted: WantedChannel, present: ChannelSetting | None, address: str, field: str) -> ChannelSetting:
    """To the person's own address: the platform writes to nobody who did not ask for it."""
    setting = ChannelSetting(Channel.EMAIL, wanted.enabled, wanted.min_severity)
    if present is not None and present.target and reuses_target(wanted, present):
        return replace(setting, target=present.target)
    if not wanted.target and not wanted.enabled:
        return setting
    if not address or (wanted.target and wanted.target.casefold() != address.casefold()):
        raise invalid(field, "must be empty or your own address: mails of a person go to himself")
    return replace(setting, target=parse_address(address, field))


def _check_called(target: str, field: str) -> None:
    """Raises InvalidArgument naming `field`."""
    if is_reference(target):
        parse_reference(target, field)
    else:
        parse_target(target, field)


def _of_rule(channel: Channel, new: NewRule) -> ChannelSetting:
    setting = ChannelSetting(channel, enabled=True, min_severity=new.min_severity)
    if channel is not Channel.IN_APP:
        return replace(setting, target=new.target, secret_id=new_id(), secrets=new.secrets)
    return setting
