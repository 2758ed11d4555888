"""Keyset pages: a token holds the position after the last row, bound to the list it came from."""

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from fp_kernel.errors import InvalidArgument, invalid

DEFAULT_SIZE = 20
MAX_SIZE = 100
_MAX_TOKEN = 2_048

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """size: rows to answer, 1..cap. after: sort key of the last row seen; None for the first page."""

    size: int
    after: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """next_token: empty on the last page."""

    items: tuple[Item, ...]
    next_token: str = ""


def page_request(
    size: int, token: str, *, scope: Sequence[str], default: int = DEFAULT_SIZE, cap: int = MAX_SIZE
) -> PageRequest:
    """Read `page_size` and `page_token` of a request.

    scope: team and filters; a token of another list is refused, so that a cursor never crosses teams.
    Raises InvalidArgument naming `pagination.page_token` or `pagination.page_size`.
    """
    if size < 0:
        raise invalid("pagination.page_size", "must not be negative")
    return PageRequest(min(size or default, cap), _position(token, scope) if token else None)


def next_token(position: Sequence[str], *, scope: Sequence[str]) -> str:
    """The token for the page after the row with this sort key."""
    raw = json.dumps([_binding(scope), *position], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _position(token: str, scope: Sequence[str]) -> tuple[str, ...]:
    binding, *position = _decode(token)
    if binding != _binding(scope) or not position:
        raise _bad_token()
    return tuple(position)


def _decode(token: str) -> list[str]:
    if len(token) > _MAX_TOKEN:
        raise _bad_token()
    try:
        decoded = json.loads(base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error):
        raise _bad_token() from None
    if not isinstance(decoded, list) or not decoded or not all(isinstance(part, str) for part in decoded):
        raise _bad_token()
    return decoded


def _binding(scope: Sequence[str]) -> str:
    return hashlib.sha256(json.dumps(list(scope)).encode()).hexdigest()[:16]


def _bad_token() -> InvalidArgument:
    return invalid("pagination.page_token", "is not a token of this list")
