"""What texts a feature store accepts."""

import re

from fp_kernel import invalid

MAX_NAME = 128
MAX_DESCRIPTION = 4_096
MAX_ENTITY_ID = 256

# Feature names become columns and view names stand in URLs: no slash, no space, no leading dot.
_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?")


def check_name(name: str, field: str) -> None:
    """Raises InvalidArgument naming `field`."""
    if not name:
        raise invalid(field, "must not be empty")
    if len(name) > MAX_NAME:
        raise invalid(field, f"has {len(name)} characters, at most {MAX_NAME} are allowed")
    if not _NAME.fullmatch(name):
        raise invalid(field, "must be letters, digits, '_', '.' and '-', with a letter, digit or '_' at both ends")


def check_description(text: str, field: str) -> None:
    """Raises InvalidArgument naming `field`."""
    if len(text) > MAX_DESCRIPTION:
        raise invalid(field, f"has {len(text)} characters, at most {MAX_DESCRIPTION} are allowed")
    if any(not (char.isprintable() or char in "\n\r\t") for char in text):
        raise invalid(field, "must not hold control characters")


def check_entity_id(entity_id: str, field: str) -> None:
    """Raises InvalidArgument naming `field`."""
    if not entity_id:
        raise invalid(field, "must not be empty")
    if len(entity_id) > MAX_ENTITY_ID or not entity_id.isprintable():
        raise invalid(field, f"must be at most {MAX_ENTITY_ID} printable characters")
