"""Ports of notification's use-cases."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from fp_kernel import Command, PageRequest

from fp_notification.domain.breaker import BreakerPolicy
from fp_notification.domain.delivery import Answer
from fp_notification.domain.events import DomainEvent
from fp_notification.domain.floods import Kind
from fp_notification.domain.notifications import Attempt, Notification, Status
from fp_notification.domain.recipients import Channel, ChannelSetting, Recipient, RecipientKind
from fp_notification.domain.severity import Severity


@dataclass(frozen=True, slots=True)
class Member:
    """A person of a team."""

    team: str
    user_id: str
    joined_at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """Of whether a person may come in. ended_at: None when he may again. revision: the greater one is the newer word.

    forget: he was deleted, with the addresses that he gave.
    """

    team: str
    user_id: str
    revision: int
    ended_at: datetime | None
    forget: bool = False


@dataclass(frozen=True, slots=True)
class Lease:
    """A delivery that this process works on until its time is up.

    token: of this claim; who has an older one may write nothing. attempt: the number of the one to make.
    setting: the channel as it is now; None when its recipient is gone.
    """

    notification: Notification
    channel: Channel
    token: int
    attempt: int
    setting: ChannelSetting | None

    @property
    def id(self) -> str:
        return self.notification.id

    @property
    def correlation_id(self) -> str:
        return self.notification.correlation_id

    @property
    def trace(self) -> Mapping[str, str]:
        return self.notification.trace


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is to leave by a channel. destination: who is called. due_in: seconds before which no worker claims it."""

    notification: Notification
    channel: Channel
    destination: str
    due_in: float


class LeaseLost(Exception):
    """Another process took the delivery over."""


class Inbox(Protocol):
    async def fresh(self, event_ids: Iterable[str]) -> set[str]:
        """Note events of the bus; those whose effect is not here yet."""


class Recipients(Protocol):
    """People of a team, and its rules."""

    async def add_members(self, members: Sequence[Member]) -> None:
        """As people who chose nothing yet; who is known stays as he is."""

    async def mark_member(self, change: Change) -> None:
        """Nothing when a newer word is there."""

    async def forget_member(self, team: str, user_id: str) -> None:
        """With his channels."""

    async def lock(self, team: str, recipient: str) -> Recipient | None:
        """Nobody else changes the recipient until the transaction ends."""

    async def save(self, recipient: Recipient) -> None:
        """With all its channels, in place of what there was. Raises AlreadyExists for the name of another rule."""

    async def count_rules(self, team: str) -> int: ...

    async def add_rule(self, rule: Recipient) -> bool:
        """False when the team has a rule of this name."""

    async def delete_rule(self, team: str, rule_id: str) -> bool: ...

    async def switch_off(self, notification: Notification, setting: ChannelSetting, reason: str) -> None:
        """A channel, unless it has another target by now."""


class Notifications(Protocol):
    async def count_events(self, kinds: Mapping[Kind, int], begins_at: datetime) -> Mapping[Kind, int]:
        """Count events of these kinds in a window; how many of each there were before. In the order that is given."""

    async def add(self, notifications: Sequence[Notification]) -> set[str]:
        """Ids of those that are new: the others were there before. A digest that is there already has its text and
        number replaced by the greater one, and is unread again.
        """

    async def find(self, team: str, recipient: str, event_id: str) -> Notification | None:
        """The one that this recipient has of this event."""

    async def mark_read(self, team: str, user_id: str, ids: Collection[str], now: datetime) -> int:
        """How many were unread."""

    async def mark_all_read(self, team: str, user_id: str, up_to: str, now: datetime) -> int:
        """Those up to this id. How many were unread."""

    async def unread(self, team: str, user_id: str) -> int: ...


class Deliveries(Protocol):
    async def add(self, deliveries: Sequence["Delivery"]) -> None: ...

    async def take(self, notification: Notification, channel: Channel, seconds: float) -> Lease | None:
        """Claim one delivery, whoever has it; None when it has ended."""

    async def close(self, lease: Lease, status: Status, pause: float) -> None:
        """The end of an attempt. pause: seconds until the next one. Raises LeaseLost."""

    async def count_fault(self, lease: Lease, policy: BreakerPolicy) -> None:
        """A fault of the host; when there were too many, it is left alone with all that waits for it."""

    async def forget_faults(self, lease: Lease) -> None:
        """The host works again."""


class Attempts(Protocol):
    async def add(self, attempts: Sequence[tuple[Notification, Attempt]]) -> None:
        """Lines of the log."""

    async def last(self, notification: Notification, channel: Channel) -> Attempt | None: ...


class Outbox(Protocol):
    def add(self, event: DomainEvent) -> None:
        """Publish the event, if and only if the transaction commits."""


class Transaction(Protocol):
    """One change, its events and the command's answer: all or nothing."""

    @property
    def inbox(self) -> Inbox: ...
    @property
    def recipients(self) -> Recipients: ...
    @property
    def notifications(self) -> Notifications: ...
    @property
    def deliveries(self) -> Deliveries: ...
    @property
    def attempts(self) -> Attempts: ...
    @property
    def outbox(self) -> Outbox: ...

    async def complete(self, result: object) -> None:
        """What the command answers, now and when it is repeated."""


class Transactions(Protocol):
    def __call__(self, command: Command | None = None) -> AbstractAsyncContextManager[Transaction]:
        """Raises fp_kernel.Replayed when the command was done before."""


@dataclass(frozen=True, slots=True)
class Feed:
    """Which notifications are asked for. event_type: a pattern, empty is every one."""

    team: str
    user_id: str
    unread_only: bool = False
    min_severity: Severity = Severity.INFO
    event_type: str = ""


@dataclass(frozen=True, slots=True)
class Log:
    """Which attempts are asked for: those to the person, and those to the rules of the team."""

    team: str
    user_id: str
    channel: Channel | None = None
    status: Status | None = None
    notification_id: str = ""


class Reads(Protocol):
    async def audience(self, teams: Collection[str]) -> Mapping[str, Sequence[Recipient]]:
        """Everybody whom an event may concern, by team."""

    async def recipient(self, team: str, recipient: str, kind: RecipientKind) -> Recipient | None: ...

    async def rules(self, team: str, page: PageRequest) -> tuple[Sequence[Recipient], str]:
        """Newest first; the position after the last one, empty on the last page."""

    async def notifications(self, feed: Feed, page: PageRequest) -> tuple[Sequence[Notification], str]:
        """Those shown in the application, newest first, and the position after the last one."""

    async def unread(self, team: str, user_id: str) -> int:
        """Counted up to a thousand."""

    async def notification(self, team: str, notification_id: str) -> Notification | None: ...

    async def attempts(self, log: Log, page: PageRequest) -> tuple[Sequence[Attempt], str]:
        """Newest first, and the position after the last one."""


class SecretValues(Protocol):
    async def resolve(self, team: str, user_id: str, references: Sequence[str], *, purpose: str) -> Mapping[str, bytes]:
        """By reference. purpose: id of what they are for. Raises NotFound, FailedPrecondition naming a reference."""


class Sender(Protocol):
    async def check(self, target: str, field: str) -> None:
        """Raises InvalidArgument naming `field` for a target that the platform does not call."""

    async def send(self, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """One POST, bounded in time. Every failure is in the answer, none is raised."""
