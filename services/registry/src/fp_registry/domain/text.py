"""Rules for texts in the registry."""

import re
from collections.abc import Mapping

from fp_kernel import invalid
from fp_kernel.texts import check_length, check_line, check_lines

MAX_DESCRIPTION = 4_096
MAX_LABEL = 64
MAX_TAGS = 32
MAX_TAG_KEY = 63
MAX_TAG_VALUE = 256
MAX_RUN_ID = 128
MAX_MODEL_NAME = 128
MAX_VERSION_NAME = 64
# A longer number would not fit the counter that gives the next one.
MAX_VERSION_DIGITS = 18

# Names stand in URLs and file names: no slash, no space, no leading dot.
_MODEL_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_VERSION_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._+-]*[A-Za-z0-9])?")


def check_model_name(name: str, field: str) -> None:
    """Raises InvalidArgument naming `field`."""
    check_length(name, field, MAX_MODEL_NAME, required=True)
    if not _MODEL_NAME.fullmatch(name):
        raise invalid(field, "must be letters, digits, '.', '_' and '-', with a letter or digit at both ends")


def check_version_name(name: str, field: str) -> None:
    """Raises InvalidArgument naming `field`."""
    check_length(name, field, MAX_VERSION_NAME, required=True)
    if not _VERSION_NAME.fullmatch(name):
        raise invalid(field, "must be letters, digits, '.', '_', '+' and '-', with a letter or digit at both ends")
    if name.isdecimal() and len(name) > MAX_VERSION_DIGITS:
        raise invalid(field, f"a number has at most {MAX_VERSION_DIGITS} digits")


def check_description(text: str, field: str) -> None:
    """Raises InvalidArgument naming `field`."""
    check_lines(text, field, MAX_DESCRIPTION)


def check_label(text: str, field: str, longest: int = MAX_LABEL, *, required: bool = False) -> None:
    """A short text of one line. Raises InvalidArgument naming `field`."""
    check_line(text, field, longest, required=required)


def check_tags(tags: Mapping[str, str], field: str) -> None:
    """Raises InvalidArgument naming `field` and the key."""
    if len(tags) > MAX_TAGS:
        raise invalid(field, f"at most {MAX_TAGS} tags")
    for key, value in tags.items():
        check_label(key, field, MAX_TAG_KEY, required=True)
        check_label(value, f"{field}[{key}]", MAX_TAG_VALUE)
