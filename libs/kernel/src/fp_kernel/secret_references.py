"""References to secrets, which stand in a specification in place of the value: `secret://name` or `secret://name@3`."""

import re
from dataclasses import dataclass
from typing import Final

from fp_kernel.errors import invalid

SCHEME: Final = "secret://"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_VERSION: Final = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True, slots=True)
class SecretReference:
    """version: 0 for the newest one."""

    name: str
    version: int = 0

    def __str__(self) -> str:
        return f"{SCHEME}{self.name}" + (f"@{self.version}" if self.version else "")


def is_reference(value: str) -> bool:
    """Whether the text means a secret, well formed or not: a mistyped reference is never taken for the value itself."""
    return value.startswith(SCHEME)


def parse_reference(value: str, field: str) -> SecretReference:
    """Raises InvalidArgument naming `field`."""
    name, at, version = value.removeprefix(SCHEME).partition("@")
    well_formed = _NAME.fullmatch(name) and (_VERSION.fullmatch(version) if at else not version)
    if not is_reference(value) or not well_formed:
        raise invalid(field, "must be secret://name or secret://name@version")
    return SecretReference(name, int(version) if at else 0)


def parse_secret_name(value: str, field: str) -> str:
    """Raises InvalidArgument naming `field`."""
    if not _NAME.fullmatch(value):
        raise invalid(field, "must be 1 to 100 letters, digits, dots, dashes or underscores")
    return value
