"""Ports of the use-cases about mails."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from fp_kernel import Command

from fp_notification.domain.breaker import BreakerPolicy
from fp_notification.domain.delivery import Answer
from fp_notification.domain.mails import Mail
from fp_notification.domain.notifications import Notification, Status


@dataclass(frozen=True, slots=True)
class Letter:
    """What is sent: subject of one line, and the same text twice. message_id, at: the same at every attempt."""

    message_id: str
    at: datetime
    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class MailLease:
    """A mail that this process works on until its time is up. token: of this claim. attempt: the one to make."""

    mail: Mail
    token: int
    attempt: int

    @property
    def id(self) -> str:
        return self.mail.id

    @property
    def correlation_id(self) -> str:
        return self.mail.correlation_id

    @property
    def trace(self) -> Mapping[str, str]:
        return self.mail.trace


class Mails(Protocol):
    async def add(self, mail: Mail) -> None: ...

    async def close(self, lease: MailLease, status: Status, pause: float, code: int) -> None:
        """The end of an attempt; one that ends the mail erases its address and its text. Raises LeaseLost."""

    async def count_fault(self, policy: BreakerPolicy) -> None:
        """A fault of the mail server; when there were too many, it is left alone for a while."""

    async def forget_faults(self) -> None:
        """The mail server works again."""


class MailTransaction(Protocol):
    @property
    def mails(self) -> Mails: ...

    async def complete(self, result: object) -> None:
        """What the command answers, now and when it is repeated."""


class MailTransactions(Protocol):
    def __call__(self, command: Command | None = None) -> AbstractAsyncContextManager[MailTransaction]: ...


class MailSender(Protocol):
    async def send(self, to: str, letter: Letter) -> Answer:
        """Bounded in time. Every failure is in the answer, none is raised; its text names no address."""


class Letters(Protocol):
    def notification(self, notification: Notification) -> Letter: ...

    def account(self, mail: Mail) -> Letter:
        """The mail by its template."""
