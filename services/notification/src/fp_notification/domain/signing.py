"""Signatures of webhooks as Standard Webhooks has them (https://www.standardwebhooks.com), symmetric, version 1."""

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime

from fp_notification.domain.webhook_secrets import PREFIX

_PURPOSE = b"forgepoint webhook v1:"


@dataclass(frozen=True, slots=True)
class Secrets:
    """Secrets are derived from one key and stored nowhere. key: 32 bytes that never leave the process."""

    key: bytes = field(repr=False)

    def secret(self, secret_id: str) -> str:
        """As a receiver configures it."""
        return PREFIX + base64.b64encode(self._raw(secret_id)).decode()

    def headers(self, secret_id: str, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
        return signature(self._raw(secret_id), message_id, at, body)

    def _raw(self, secret_id: str) -> bytes:
        return hmac.digest(self.key, _PURPOSE + secret_id.encode(), hashlib.sha256)


def derived(key: bytes, purpose: str) -> bytes:
    """A key of its own for each other purpose of the service's key."""
    return hmac.digest(key, f"forgepoint notification {purpose}".encode(), hashlib.sha256)


def signature(key: bytes, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """Headers. at: of this attempt; receivers refuse what is older than some minutes."""
    stamp = str(int(at.timestamp()))
    signed = hmac.digest(key, f"{message_id}.{stamp}.".encode() + body, hashlib.sha256)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
    }
