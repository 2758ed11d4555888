"""Settings of auth."""

import base64
import binascii
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Self

from fp_kernel import Error
from fp_kernel.identity import PLATFORM
from fp_runtime import Address, EventSettings, PostgresSettings, S3Settings, ServiceSettings
from fp_runtime.fields import HttpUrl
from pydantic import AfterValidator, Field, SecretStr, model_validator

from fp_auth.domain.lockout import ADDRESS, PAIR, LockoutPolicy
from fp_auth.domain.sessions import SessionPolicy
from fp_auth.domain.users import parse_team
from fp_auth.sign_in_settings import Issuers, Workloads

_HASH = re.compile(r"[0-9a-f]{64}")
_NOUN = re.compile(r"[a-z][a-z0-9-]{0,62}")
_KEY_BYTES = 32


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


def _check_keys(value: SecretStr) -> SecretStr:
    try:
        encryption_keys(value.get_secret_value())
    except (ValueError, binascii.Error):
        raise ValueError("must be 32 bytes in base64; more than one separated by commas") from None
    return value


def _check_key(value: SecretStr) -> SecretStr:
    if "," in value.get_secret_value():
        raise ValueError("must be one key: entries that another one chained would not verify any more")
    return _check_keys(value)


def _check_credentials(value: str) -> str:
    credentials(value)
    return value


class AuthSettings(ServiceSettings, PostgresSettings, EventSettings, S3Settings):
    """auth_key_encryption_key: opens the signing keys in the database. To replace it, put the new one in front.

    auth_service_credentials: who may exchange a credential for a service token, by SHA-256.
    auth_bootstrap_*: the first operator, when there is none; without a password dev makes one up and prints it once.
    auth_signing_key_days: how long a key signs before the next one takes over.
    auth_login_free, auth_login_pause: wrong passwords of one account from one address at once, and for how many seconds
    each of them counts; so long is the wait for each further one.
    auth_login_address_free, auth_login_address_pause: the same for an address, whatever the accounts.
    auth_access_minutes: how long an access token of a person or a service is good.
    auth_session_idle_days, auth_session_days: a session ends when it was not refreshed for so long, and after so long.
    auth_refresh_grace_seconds: how long after its use a refresh token is replaced once more, if no successor was used.
    auth_api_key_days: how long an API key may live, also one made without an end; 0 is without a bound.
    auth_audit_key: chains the audit log and signs its checkpoints, base64; who has it and the database can forge both.
    auth_audit_days: how long an entry of the audit log is kept, by whole months.
    auth_checkpoint_seconds: between two heads of the audit log that are put into the object store.
    notification_addr: of notification's RPCs, which sends mails about accounts; without it an admin gets their links.
    auth_public_url: of the gateway's HTTP as browsers reach it; providers and programs send them back there,
    and links in mails begin with it.
    auth_registration_team: who has an e-mail address becomes a viewer of this team, if he asks; empty: nobody does.
    auth_issuers, auth_workloads: other issuers, as JSON lists; see docs/single-sign-on.md.
    auth_secrets_keys_file: keys that wrap the secrets of teams, base64 of 32 bytes, one a line, the first one wraps;
    without it they are derived from auth_key_encryption_key.
    """

    # auth signs its own token when it calls another service.
    service_secret: SecretStr = SecretStr("")
    auth_key_encryption_key: Annotated[SecretStr, AfterValidator(_check_keys)]
    auth_service_credentials: Annotated[str, AfterValidator(_check_credentials)] = ""
    auth_bootstrap_email: str = "admin@forgepoint.local"
    auth_bootstrap_password: SecretStr = SecretStr("")
    auth_bootstrap_team: str = "platform"
    auth_signing_key_days: Annotated[float, Field(gt=0, le=365)] = 30.0
    auth_login_free: Annotated[int, Field(ge=1, le=1_000)] = PAIR.free
    auth_login_pause: Annotated[float, Field(ge=0, le=86_400)] = PAIR.pause.total_seconds()
    auth_login_address_free: Annotated[int, Field(ge=1, le=1_000_000)] = ADDRESS.free
    auth_login_address_pause: Annotated[float, Field(ge=0, le=3_600)] = ADDRESS.pause.total_seconds()
    auth_access_minutes: Annotated[float, Field(ge=1, le=60)] = 15.0
    auth_session_idle_days: Annotated[float, Field(gt=0, le=365)] = 30.0
    auth_session_days: Annotated[float, Field(gt=0, le=365)] = 90.0
    auth_refresh_grace_seconds: Annotated[float, Field(ge=0, le=60)] = 30.0
    auth_api_key_days: Annotated[float, Field(ge=0, le=3_650)] = 0.0
    auth_audit_key: Annotated[SecretStr, AfterValidator(_check_key)]
    auth_audit_days: Annotated[int, Field(ge=31)] = 400
    auth_checkpoint_seconds: Annotated[float, Field(gt=0)] = 3_600.0
    notification_addr: Address | None = None
    auth_public_url: HttpUrl | None = None
    auth_registration_team: str = ""
    auth_issuers: Issuers = ()
    auth_workloads: Workloads = ()
    auth_secrets_keys_file: Path | None = None

    @model_validator(mode="after")
    def _check_registration(self) -> Self:
        team = self.auth_registration_team
        if team and (self.notification_addr is None or self.auth_public_url is None):
            raise ValueError(
                "auth_registration_team needs notification_addr and auth_public_url: its links go by mail alone"
            )
        if team == PLATFORM:
            raise ValueError(f"auth_registration_team must not be {PLATFORM}")
        try:
            parse_team(team or PLATFORM, "auth_registration_team")
        except Error as error:
            raise ValueError(error.message) from None
        return self

    @property
    def audit_key(self) -> bytes:
        return encryption_keys(self.auth_audit_key.get_secret_value())[0]

    @property
    def audit_kept(self) -> timedelta:
        return timedelta(days=self.auth_audit_days)

    @property
    def signing_period(self) -> timedelta:
        return timedelta(days=self.auth_signing_key_days)

    @property
    def pair_lockout(self) -> LockoutPolicy:
        return LockoutPolicy(self.auth_login_free, timedelta(seconds=self.auth_login_pause))

    @property
    def address_lockout(self) -> LockoutPolicy:
        return LockoutPolicy(self.auth_login_address_free, timedelta(seconds=self.auth_login_address_pause))

    @property
    def access_life(self) -> timedelta:
        return timedelta(minutes=self.auth_access_minutes)

    @property
    def session(self) -> SessionPolicy:
        idle, longest = timedelta(days=self.auth_session_idle_days), timedelta(days=self.auth_session_days)
        return SessionPolicy(idle, longest, self.access_life, timedelta(seconds=self.auth_refresh_grace_seconds))

    @property
    def public_url(self) -> str:
        """Without a slash at its end; empty where nobody said it, so that links are paths."""
        return str(self.auth_public_url).rstrip("/") if self.auth_public_url else ""

    @property
    def api_key_life(self) -> timedelta | None:
        """None without a bound."""
        return timedelta(days=self.auth_api_key_days) if self.auth_api_key_days else None
