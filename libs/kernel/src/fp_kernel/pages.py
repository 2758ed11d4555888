"""Keyset pages: a token holds the position after the last row, bound to the list it came from."""

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from fp_kernel.errors import InvalidArgument, invalid
from fp_kernel.ids import parse_id

DEFAULT_SIZE = 20
MAX_SIZE = 100
_MAX_TOKEN = 2_048

Item = TypeVar("Item")


class Identified(Protocol):
    @property
    def id(self) -> str: ...


Row = TypeVar("Row", bound=Identified)


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


def page_request_by_id(size: int, token: str, *, scope: Sequence[str]) -> PageRequest:
    """`page_request` of a list that is sorted by id. A token is bound and not signed: its position is checked here, and
    not by the store.

    Raises InvalidArgument naming `pagination.page_size` or `pagination.page_token`.
    """
    request = page_request(size, token, scope=scope)
    if request.after is None:
        return request
    if len(request.after) != 1:
        raise _bad_token()
    return PageRequest(request.size, (parse_id(request.after[0], "pagination.page_token"),))


def page_by_id(rows: Sequence[Row], request: PageRequest, *, scope: Sequence[str]) -> Page[Row]:
    """The page of rows, of which one more than its size was read."""
    shown = tuple(rows[: request.size])
    return Page(shown, next_token((shown[-1].id,), scope=scope) if len(rows) > request.size else "")


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
