"""Rules for texts in a feature store."""

import re

from fp_kernel import invalid
from fp_kernel.texts import check_length, check_lines, is_text

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
    check_lines(text, field, MAX_DESCRIPTION)


def check_entity_id(entity_id: str, field: str) -> None:
    """A key of the caller's data, outer spaces included. Raises InvalidArgument naming `field`."""
    check_length(entity_id, field, MAX_ENTITY_ID, required=True)
    if not is_text(entity_id):
        raise invalid(field, "must be one line without control characters")
