"""Secrets of the team that messages of a webhook are made with: what signs them, and their headers."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from fp_kernel import invalid
from fp_kernel.secret_references import parse_reference

MAX_HEADERS: Final = 10
PREFIX: Final = "whsec_"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_VALUE: Final = re.compile(rb"[\x21-\x7e](?:[\x20-\x7e]{0,4094}[\x21-\x7e])?")
# What the sender itself says.
_TAKEN: Final = frozenset(
    (
        "host",
        "user-agent",
        "content-type",
        "content-length",
        "connection",
        "transfer-encoding",
        "upgrade",
        "te",
        "expect",
    )
)
_SIGNATURE: Final = "webhook-"
_FEWEST, _MOST = 24, 64


class NotUsable(Exception):
    """What the secret holds cannot be used; the message is for people and has none of it."""


@dataclass(frozen=True, slots=True)
class WebhookSecrets:
    """References. signing: of the key; empty for the one that the platform derives. headers: by name, in order."""

    signing: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def references(self) -> tuple[str, ...]:
        return tuple(each for each in (self.signing, *(value for _, value in self.headers)) if each)


NONE: Final = WebhookSecrets()


def check_webhook_secrets(signing: str, headers: Mapping[str, str], prefix: str) -> WebhookSecrets:
    """Values in clear are refused, so that none is stored. Raises InvalidArgument naming the field below `prefix`."""
    if signing:
        parse_reference(signing, f"{prefix}signing_secret")
    if len(headers) > MAX_HEADERS:
        raise invalid(f"{prefix}headers", f"must be at most {MAX_HEADERS}")
    chosen: dict[str, str] = {}
    for given, reference in headers.items():
        name, field = given.lower(), f"{prefix}headers[{given[:64]}]"
        if not _NAME.fullmatch(name) or name in _TAKEN or name.startswith(_SIGNATURE) or name in chosen:
            raise invalid(field, "must be a header that the platform does not send itself, once")
        parse_reference(reference, field)
        chosen[name] = reference
    return WebhookSecrets(signing, tuple(sorted(chosen.items())))


def signing_key(value: bytes, reference: str) -> bytes:
    """Raises NotUsable."""
    try:
        key = base64.b64decode(value.strip().removeprefix(PREFIX.encode()), validate=True)
    except binascii.Error:
        key = b""
    if not _FEWEST <= len(key) <= _MOST:
        raise NotUsable(f"{reference} holds no signing secret")
    return key


def header_value(value: bytes, reference: str) -> str:
    """Raises NotUsable: a line break would begin a header of its own."""
    stripped = value.strip()
    if not _VALUE.fullmatch(stripped):
        raise NotUsable(f"{reference} holds no value of a header")
    return stripped.decode()
