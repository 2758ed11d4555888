"""Domain events as messages of the bus."""

from forgepoint.events.v1 import events_pb2
from fp_events import Event, Severity

from fp_notification.domain.events import Delivered, DomainEvent, Failed
from fp_notification.domain.notifications import Notification
from fp_notification.domain.recipients import Channel, RecipientKind

DELIVERED = "fp.notifications.delivered"
FAILED = "fp.notifications.failed"

_CHANNELS = {channel: events_pb2.NotificationChannel.Value(f"NOTIFICATION_CHANNEL_{channel}") for channel in Channel}


def to_event(event: DomainEvent) -> Event:
    """The resource is the recipient: a resource has a counter for ever, and notifications are without end."""
    match event:
        case Delivered():
            return _delivered(event)
        case Failed():
            return _failed(event)


def _delivered(event: Delivered) -> Event:
    payload = events_pb2.NotificationDelivered(
        notification_id=event.notification.id,
        recipient_user_id=_person(event.notification),
        channel=_CHANNELS[event.channel],
        event_type=event.notification.event_type,
    )
    payload.delivered_at.FromDatetime(event.at)
    return Event(
        DELIVERED,
        payload,
        team=event.notification.team,
        resource_id=event.notification.recipient,
        summary=f"A notification of {event.notification.event_type} was delivered by {event.channel}.",
        correlation_id=event.notification.correlation_id,
        trace=event.notification.trace,
    )


def _failed(event: Failed) -> Event:
    payload = events_pb2.NotificationFailed(
        notification_id=event.notification.id,
        recipient_user_id=_person(event.notification),
        channel=_CHANNELS[event.channel],
        event_type=event.notification.event_type,
        attempts=event.attempts,
        error_message=event.error,
    )
    payload.failed_at.FromDatetime(event.at)
    return Event(
        FAILED,
        payload,
        team=event.notification.team,
        resource_id=event.notification.recipient,
        summary=f"A notification of {event.notification.event_type} could not be delivered by {event.channel}.",
        severity=Severity.WARNING,
        correlation_id=event.notification.correlation_id,
        trace=event.notification.trace,
    )


def _person(notification: Notification) -> str:
    """Empty for what went to a rule."""
    return notification.recipient if notification.kind is RecipientKind.USER else ""
