"""Pages of rows that are sorted by their id."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from fp_kernel import Page, PageRequest, next_token, page_request, parse_id


class Identified(Protocol):
    @property
    def id(self) -> str: ...


Row = TypeVar("Row", bound=Identified)


def request_of(page_size: int, page_token: str, *, scope: Sequence[str]) -> PageRequest:
    """Raises InvalidArgument naming `pagination.page_size` or `pagination.page_token`."""
    request = page_request(page_size, page_token, scope=scope)
    if request.after is not None:
        # A token is not signed: what it says is checked like any other input.
        parse_id(request.after[0], "pagination.page_token")
    return request


def page_of(rows: Sequence[Row], request: PageRequest, *, scope: Sequence[str]) -> Page[Row]:
    """The page of rows of which one more than its size was read."""
    shown = tuple(rows[: request.size])
    return Page(shown, next_token((shown[-1].id,), scope=scope) if len(rows) > request.size else "")
