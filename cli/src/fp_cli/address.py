"""The form of addresses."""

import re
from typing import Final

_FORM: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+):(\d{1,5})")
_LAST_PORT: Final = 65_535
_LOOPBACK: Final = re.compile(r"localhost|127(\.\d{1,3}){3}|\[::1\]|::1")


def is_address(text: str) -> bool:
    """Whether it is host:port."""
    found = _FORM.fullmatch(text)
    return found is not None and 0 < int(found[2]) <= _LAST_PORT


def is_loopback(host: str) -> bool:
    """Loopback is never behind a proxy, whatever the environment says."""
    return _LOOPBACK.fullmatch(host) is not None


def host_of(address: str) -> str:
    return address.rpartition(":")[0]
