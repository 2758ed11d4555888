"""Settings of auth."""

import base64
import binascii
import ipaddress
import re
from datetime import timedelta
from typing import Annotated

from fp_runtime import EventSettings, PostgresSettings, ServiceSettings
from pydantic import AfterValidator, Field, SecretStr

from fp_auth.domain.sessions import SessionPolicy

_HASH = re.compile(r"[0-9a-f]{64}")
_NOUN = re.compile(r"[a-z][a-z0-9-]{0,62}")
_KEY_BYTES = 32
_PRIVATE = "127.0.0.0/8,::1/128,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,100.64.0.0/10,fc00::/7"

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def encryption_keys(value: str) -> list[bytes]:
    keys = [base64.b64decode(part, validate=True) for part in value.split(",")]
    if not all(len(key) == _KEY_BYTES for key in keys):
        raise ValueError("wrong size")
    return keys


def credentials(value: str) -> list[tuple[str, bytes]]:
    pairs = [part.strip().partition("=") for part in value.split(",") if part.strip()]
    if not all(_NOUN.fullmatch(service) and _HASH.fullmatch(digest) for service, _, digest in pairs):
        raise ValueError("must be noun=<sha256 in lower-case hex>, separated by commas")
    return [(service, bytes.fromhex(digest)) for service, _, digest in pairs]


def networks(value: str) -> list[Network]:
    return [ipaddress.ip_network(part.strip()) for part in value.split(",") if part.strip()]


def _check_keys(value: SecretStr) -> SecretStr:
    try:
        encryption_keys(value.get_secret_value())
    except (ValueError, binascii.Error):
        raise ValueError("must be 32 bytes in base64; more than one separated by commas") from None
    return value


def _check_credentials(value: str) -> str:
    credentials(value)
    return value


def _check_networks(value: str) -> str:
    try:
        networks(value)
    except ValueError:
        raise ValueError("must be networks such as 10.0.0.0/8, separated by commas") from None
    return value


class AuthSettings(ServiceSettings, PostgresSettings, EventSettings):
    """auth_key_encryption_key: opens the signing keys in the database. To replace it, put the new one in front.

    auth_service_credentials: who may exchange a credential for a service token, by SHA-256.
    auth_bootstrap_*: the first operator, when there is none; without a password dev makes one up and prints it once.
    auth_trusted_proxies: networks of gateways, whose word about their clients' addresses is believed.
    auth_signing_key_days: how long a key signs before the next one takes over.
    auth_access_minutes: how long an access token of a person or a service is good.
    auth_session_idle_days, auth_session_days: a session ends when it was not refreshed for so long, and after so long.
    auth_api_key_days: how long an API key may live, also one made without an end; 0 is without a bound.
    """

    # auth calls no other service, so it needs no credential of its own.
    service_secret: SecretStr = SecretStr("")
    auth_key_encryption_key: Annotated[SecretStr, AfterValidator(_check_keys)]
    auth_service_credentials: Annotated[str, AfterValidator(_check_credentials)] = ""
    auth_bootstrap_email: str = "admin@forgepoint.local"
    auth_bootstrap_password: SecretStr = SecretStr("")
    auth_bootstrap_team: str = "platform"
    auth_trusted_proxies: Annotated[str, AfterValidator(_check_networks)] = _PRIVATE
    auth_signing_key_days: Annotated[float, Field(gt=0, le=365)] = 30.0
    auth_access_minutes: Annotated[float, Field(ge=1, le=60)] = 15.0
    auth_session_idle_days: Annotated[float, Field(gt=0, le=365)] = 30.0
    auth_session_days: Annotated[float, Field(gt=0, le=365)] = 90.0
    auth_api_key_days: Annotated[float, Field(ge=0, le=3_650)] = 0.0

    @property
    def signing_period(self) -> timedelta:
        return timedelta(days=self.auth_signing_key_days)

    @property
    def access_life(self) -> timedelta:
        return timedelta(minutes=self.auth_access_minutes)

    @property
    def session(self) -> SessionPolicy:
        idle, longest = timedelta(days=self.auth_session_idle_days), timedelta(days=self.auth_session_days)
        return SessionPolicy(idle, longest, self.access_life)

    @property
    def api_key_life(self) -> timedelta | None:
        """None without a bound."""
        return timedelta(days=self.auth_api_key_days) if self.auth_api_key_days else None
