"""Objects that a team keeps in files, and the set of files to which each belongs."""

import re
from dataclasses import dataclass
from datetime import datetime

from fp_kernel import invalid
from fp_kernel.texts import check_line

MAX_OBJECTS = 10_000
"""Of a team."""
MAX_RECORDED = 500
_SET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_KIND = re.compile(r"[A-Z][A-Za-z]{0,62}")
_LONGEST_NAME = 256


@dataclass(frozen=True, slots=True)
class Reference:
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class DeclaredObject:
    """applied_by: id of who recorded it last."""

    reference: Reference
    set_name: str
    applied_by: str
    applied_at: datetime


def parse_set(value: str) -> str:
    """Raises InvalidArgument."""
    if not _SET.fullmatch(value):
        raise invalid(
            "set", "must be 1 to 63 letters, digits, dots, dashes or underscores, with one of the first two first"
        )
    return value


def parse_reference(kind: str, name: str, field: str) -> Reference:
    """Raises InvalidArgument naming `field`."""
    if not _KIND.fullmatch(kind):
        raise invalid(f"{field}.kind", "must be 1 to 63 letters with a capital first")
    check_line(name, f"{field}.name", _LONGEST_NAME, required=True)
    return Reference(kind, name)
