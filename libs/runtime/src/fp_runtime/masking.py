"""Secrets stay out of messages."""

from urllib.parse import unquote, urlsplit

from pydantic import SecretStr
from pydantic_settings import BaseSettings

_MASK = "***"


def without_secrets(text: str, settings: BaseSettings) -> str:
    """The text with each secret value of the settings, and each password of a URL among them, masked."""
    found: set[str] = set()
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            found |= _parts(value.get_secret_value())
    # The longest first: a password is part of its URL.
    for secret in sorted(found, key=len, reverse=True):
        text = text.replace(secret, _MASK)
    return text


def _parts(secret: str) -> set[str]:
    try:
        password = urlsplit(secret).password
    except ValueError:
        password = None
    return {part for part in (secret, password, unquote(password or "")) if part}
