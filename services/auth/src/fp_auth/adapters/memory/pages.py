"""Pages of rows in memory."""

from collections.abc import Iterable
from typing import TypeVar

from fp_kernel import PageRequest

from fp_auth.domain.api_keys import ApiKey
from fp_auth.domain.users import User

Row = TypeVar("Row", User, ApiKey)


def page_of_rows(rows: Iterable[Row], page: PageRequest) -> list[Row]:
    after = page.after[0] if page.after else ""
    return sorted((row for row in rows if row.id > after), key=lambda row: row.id)[: page.size + 1]
