"""Messages as domain values, and back."""

from collections.abc import Mapping

from forgepoint.notification.v1 import notification_pb2 as pb
from fp_kernel import invalid
from fp_rpc.times import to_timestamp

from fp_notification.domain.notifications import Attempt, Notification, Status
from fp_notification.domain.preferences import NewRule, WantedChannel
from fp_notification.domain.recipients import Channel, Recipient, RecipientKind
from fp_notification.domain.severity import Severity
from fp_notification.domain.targets import mask
from fp_notification.domain.webhook_secrets import check_webhook_secrets

_CHANNEL = "NOTIFICATION_CHANNEL_"
_SEVERITY = "NOTIFICATION_SEVERITY_"
_STATUS = "DELIVERY_STATUS_"
_CHANNELS = {channel: pb.NotificationChannel.Value(f"{_CHANNEL}{channel}") for channel in Channel}
_CHANNEL_OF: Mapping[int, Channel] = {number: channel for channel, number in _CHANNELS.items()}
_STATUSES = {status: pb.DeliveryStatus.Value(f"{_STATUS}{status}") for status in Status}
_STATUS_OF: Mapping[int, Status] = {number: status for status, number in _STATUSES.items()}


def severity_of(number: int, field: str) -> Severity:
    """Nothing is INFO: everything. Raises InvalidArgument naming `field`."""
    if number == pb.NOTIFICATION_SEVERITY_UNSPECIFIED:
        return Severity.INFO
    try:
        return Severity(number)
    except ValueError:
        raise invalid(field, f"must be one of {', '.join(each.name for each in Severity)}") from None


def channel_of(number: int, field: str) -> Channel:
    """Raises InvalidArgument naming `field`."""
    channel = _CHANNEL_OF.get(number)
    if channel is None:
        raise invalid(field, f"must be one of {', '.join(Channel)}")
    return channel


def channel_filter(number: int) -> Channel | None:
    """None for every one."""
    return channel_of(number, "channel") if number else None


def status_filter(number: int) -> Status | None:
    """None for every one. Raises InvalidArgument."""
    if number == pb.DELIVERY_STATUS_UNSPECIFIED:
        return None
    status = _STATUS_OF.get(number)
    if status is None:
        raise invalid("status", f"must be one of {', '.join(Status)}")
    return status


def wanted_channels(request: pb.UpdatePreferencesRequest) -> list[WantedChannel]:
    return [
        WantedChannel(
            channel=_CHANNEL_OF.get(each.channel),
            label=_label(each.channel),
            enabled=each.enabled,
            min_severity=severity_of(each.min_severity, f"channels[{index}].min_severity"),
            target=each.target,
            secrets=check_webhook_secrets(each.signing_secret, each.headers, f"channels[{index}]."),
        )
        for index, each in enumerate(request.channels)
    ]


def new_rule(request: pb.CreateRuleRequest | pb.UpdateRuleRequest) -> NewRule:
    return NewRule(
        name=request.name,
        patterns=tuple(request.patterns),
        min_severity=severity_of(request.min_severity, "min_severity"),
        channels=tuple((_CHANNEL_OF.get(each), _label(each)) for each in request.channels),
        target=request.target,
        secrets=check_webhook_secrets(request.signing_secret, request.headers, ""),
    )


def preferences_to_pb(person: Recipient) -> pb.NotificationPreferences:
    return pb.NotificationPreferences(
        user_id=person.id,
        channels=[
            pb.ChannelPreference(
                channel=_CHANNELS[each.channel],
                enabled=each.enabled,
                min_severity=_severity(each.min_severity),
                target=mask(each.target),
                disabled_reason=each.disabled_reason,
                signing_secret=each.secrets.signing,
                headers=dict(each.secrets.headers),
            )
            for each in person.channels
        ],
        muted_event_patterns=person.muted,
        updated_at=to_timestamp(person.updated_at),
    )


def rule_to_pb(rule: Recipient) -> pb.NotificationRule:
    called = next((each for each in rule.channels if each.target), None)
    return pb.NotificationRule(
        id=rule.id,
        name=rule.name,
        patterns=rule.patterns,
        min_severity=_severity(min(each.min_severity for each in rule.channels)),
        channels=[_CHANNELS[each.channel] for each in rule.channels],
        target=mask(called.target) if called else "",
        disabled_reason=called.disabled_reason if called else "",
        created_by=rule.created_by,
        created_at=to_timestamp(rule.created_at),
        signing_secret=called.secrets.signing if called else "",
        headers=dict(called.secrets.headers) if called else {},
        revision=rule.revision,
    )


def notification_to_pb(notification: Notification) -> pb.Notification:
    is_rule = notification.kind is RecipientKind.RULE
    return pb.Notification(
        id=notification.id,
        recipient_user_id="" if is_rule else notification.recipient,
        rule_id=notification.recipient if is_rule else "",
        title=notification.title,
        body=notification.body,
        severity=_severity(notification.severity),
        channels=[_CHANNELS[each] for each in notification.channels],
        read=notification.read_at is not None,
        event_id=notification.event_id,
        event_type=notification.event_type,
        source_service=notification.source,
        resource_id=notification.resource_id,
        created_at=to_timestamp(notification.created_at),
        read_at=to_timestamp(notification.read_at),
        events=notification.events,
    )


def attempt_to_pb(attempt: Attempt) -> pb.DeliveryAttempt:
    return pb.DeliveryAttempt(
        channel=_CHANNELS[attempt.channel],
        status=_STATUSES[attempt.status],
        attempt=attempt.number,
        response_code=attempt.response_code,
        error_message=attempt.error,
        attempted_at=to_timestamp(attempt.at),
    )


def tested_to_pb(attempt: Attempt) -> pb.TestChannelResponse:
    return pb.TestChannelResponse(
        status=_STATUSES[attempt.status], response_code=attempt.response_code, error_message=attempt.error
    )


def _severity(severity: Severity) -> pb.NotificationSeverity.ValueType:
    return pb.NotificationSeverity.Value(f"{_SEVERITY}{severity.name}")


def _label(number: int) -> str:
    """The name of a channel of the contract; empty for a number it does not have."""
    found = pb.NotificationChannel.DESCRIPTOR.values_by_number.get(number)
    return found.name.removeprefix(_CHANNEL) if found and number else ""
