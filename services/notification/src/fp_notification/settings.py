"""Settings of notification."""

import base64
import binascii
import ssl
from datetime import timedelta
from email.errors import MessageError
from email.headerregistry import Address as MailAddress
from email.utils import parseaddr
from functools import partial
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated

from fp_kernel import InvalidArgument
from fp_runtime import Address, EventSettings, PostgresSettings, ServiceSettings
from pydantic import AfterValidator, Field, SecretStr, model_validator

from fp_notification.adapters.smtp import MailServer, SmtpSender, Tls
from fp_notification.app.worker import WorkerPolicy
from fp_notification.domain.breaker import BreakerPolicy
from fp_notification.domain.mails import parse_address
from fp_notification.domain.targets import AddressPolicy

_KEY_BYTES = 32


def _key(value: SecretStr) -> SecretStr:
    try:
        decoded = base64.b64decode(value.get_secret_value(), validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if len(decoded) != _KEY_BYTES:
        raise ValueError("must be base64 of 32 bytes")
    return value


def _loopback(value: str) -> str:
    for each in filter(None, value.split(",")):
        network = ip_network(each.strip())
        if not network.is_loopback:
            raise ValueError("must be loopback networks, separated by commas")
    return value


def _delays(value: str) -> str:
    if any(not 0 < float(each) <= 86_400 for each in filter(None, value.split(","))):  # noqa: PLR2004 -- a day
        raise ValueError("must be seconds up to a day, separated by commas")
    return value


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _sender(value: str) -> str:
    if value:
        mail_address(value)
    return value


def mail_address(value: str) -> MailAddress:
    """Of "Forgepoint <no-reply@example.com>" or of the address alone. Raises ValueError."""
    name, address = parseaddr(value)
    try:
        return MailAddress(display_name=name, addr_spec=parse_address(address, "address"))
    except (MessageError, InvalidArgument):
        raise ValueError("must be an address, such as Forgepoint <no-reply@example.com>") from None


class Settings(ServiceSettings, PostgresSettings, EventSettings):
    """auth_addr: host:port of auth, for API keys and this service's own token.

    notification_signing_key: base64 of 32 bytes; the secrets of webhooks are derived of it. A new one changes them all.
    notification_webhook_loopback: loopback networks that webhooks may reach, such as 127.0.0.0/8,::1/128; for `env` dev
    only, where receivers run beside the platform.
    notification_timeout: seconds for one message to a webhook.
    notification_names_timeout: of it, seconds for the look-up of the host's name.
    notification_lease: seconds after which a delivery is another replica's.
    notification_backoff: seconds before the 2nd, 3rd, ... attempt, separated by commas; each with 20 % of jitter.
    notification_breaker_failures, notification_breaker_seconds: after so many faults in a row a destination is left
    alone for so long.
    notification_capacity: messages under way at a time in one process.
    notification_per_host: messages under way at a time to one host, over all processes: a slow one has no more room.
    notification_poll: seconds between two looks for deliveries that are due; an index answers in under a millisecond.
    notification_keep_days: how long notifications and their log are stored.
    notification_mail_days: how long the record of a mail about an account is stored; its text goes when it is sent.
    smtp_host, smtp_port: the mail server; without a host no mail is sent and SendMail refuses.
    smtp_user, smtp_password: for a server that asks for a login.
    smtp_from: the sender, such as Forgepoint <no-reply@example.com>.
    smtp_tls: starttls (an unencrypted connection is never used), implicit (usually port 465), or off, for a server on
    loopback only.
    smtp_ca_file: PEM of the authorities that are trusted for the server, in place of the system's.
    smtp_timeout: seconds for one mail. smtp_connections: mails under way at a time, over all processes.
    """

    auth_addr: Address
    notification_signing_key: Annotated[SecretStr, AfterValidator(_key)]
    notification_webhook_loopback: Annotated[str, AfterValidator(_loopback)] = ""
    notification_timeout: Annotated[float, Field(gt=0, le=60)] = 10.0
    notification_names_timeout: Annotated[float, Field(gt=0, le=30)] = 3.0
    notification_lease: Annotated[float, Field(gt=0, le=3_600)] = 60.0
    notification_backoff: Annotated[str, AfterValidator(_delays)] = "5,30,120,600,3600,10800,21600"
    notification_breaker_failures: Annotated[int, Field(ge=1, le=1_000)] = 5
    notification_breaker_seconds: Annotated[float, Field(ge=0, le=3_600)] = 30.0
    notification_capacity: Annotated[int, Field(ge=1, le=1_000)] = 16
    notification_per_host: Annotated[int, Field(ge=1, le=1_000)] = 2
    notification_poll: Annotated[float, Field(gt=0, le=60)] = 0.5
    notification_keep_days: Annotated[float, Field(gt=0, le=3_650)] = 90.0
    notification_mail_days: Annotated[float, Field(gt=0, le=3_650)] = 30.0
    smtp_host: str = ""
    smtp_port: Annotated[int, Field(ge=1, le=65_535)] = 587
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_from: Annotated[str, AfterValidator(_sender)] = ""
    smtp_tls: Tls = "starttls"
    smtp_ca_file: Path | None = None
    smtp_timeout: Annotated[float, Field(gt=0, le=300)] = 30.0
    smtp_connections: Annotated[int, Field(ge=1, le=100)] = 4

    @model_validator(mode="after")
    def _together(self) -> "Settings":
        if self.notification_webhook_loopback and self.env != "dev":
            raise ValueError("FP_NOTIFICATION_WEBHOOK_LOOPBACK is for FP_ENV=dev only")
        if self.notification_lease < 2 * self.notification_timeout:
            raise ValueError("FP_NOTIFICATION_LEASE must be at least twice FP_NOTIFICATION_TIMEOUT")
        return self

    @model_validator(mode="after")
    def _mail(self) -> "Settings":
        if self.smtp_host and not self.smtp_from:
            raise ValueError("FP_SMTP_HOST needs FP_SMTP_FROM")
        if self.smtp_tls == "off" and self.smtp_host and not _is_loopback(self.smtp_host):
            raise ValueError("FP_SMTP_TLS=off is for a mail server on loopback only")
        return self

    @property
    def smtp(self) -> SmtpSender | None:
        """None where no mail server is set."""
        if not self.smtp_host:
            return None
        password = self.smtp_password.get_secret_value()
        sender = mail_address(self.smtp_from)
        server = MailServer(self.smtp_host, self.smtp_port, sender, self.smtp_tls, self.smtp_user, password)
        trusted = str(self.smtp_ca_file) if self.smtp_ca_file else None
        return SmtpSender(server, timeout=self.smtp_timeout, tls=partial(ssl.create_default_context, cafile=trusted))

    @property
    def mail_worker(self) -> WorkerPolicy:
        """Its leases are longer than an attempt takes."""
        lease = max(self.notification_lease, 2 * self.smtp_timeout)
        return WorkerPolicy(self.smtp_connections, self.notification_poll, lease)

    @property
    def signing_key(self) -> bytes:
        return base64.b64decode(self.notification_signing_key.get_secret_value())

    @property
    def addresses(self) -> AddressPolicy:
        networks = filter(None, self.notification_webhook_loopback.split(","))
        return AddressPolicy(tuple(ip_network(each.strip()) for each in networks))

    @property
    def delays(self) -> tuple[float, ...]:
        return tuple(float(each) for each in filter(None, self.notification_backoff.split(",")))

    @property
    def breaker(self) -> BreakerPolicy:
        return BreakerPolicy(self.notification_breaker_failures, self.notification_breaker_seconds)

    @property
    def worker(self) -> WorkerPolicy:
        return WorkerPolicy(self.notification_capacity, self.notification_poll, self.notification_lease)

    @property
    def retained(self) -> timedelta:
        return timedelta(days=self.notification_keep_days)
