"""The events of notification."""

from dataclasses import dataclass
from datetime import datetime

from fp_notification.domain.notifications import Notification
from fp_notification.domain.recipients import Channel


@dataclass(frozen=True, slots=True)
class Delivered:
    notification: Notification
    channel: Channel
    at: datetime


@dataclass(frozen=True, slots=True)
class Failed:
    """For good: there will be no further attempt."""

    notification: Notification
    channel: Channel
    attempts: int
    error: str
    at: datetime


DomainEvent = Delivered | Failed
