"""What a store needs of a connection: a pool gives it for one statement, a transaction for all of its own."""

from collections.abc import Sequence
from typing import Any, Final, Protocol

from asyncpg import Record

# Below every id. `id > $1` walks an index from there; `$1 IS NULL OR id > $1` would read all that lies before a page,
# once the server keeps one plan for all values.
FIRST: Final = "00000000-0000-0000-0000-000000000000"


class Connection(Protocol):
    """`fp_postgres.Database` and `fp_postgres.Transaction` have it."""

    async def fetch(self, query: str, *arguments: Any) -> list[Record]: ...

    async def fetchrow(self, query: str, *arguments: Any) -> Record | None: ...

    async def fetchval(self, query: str, *arguments: Any) -> Any: ...

    async def execute(self, query: str, *arguments: Any) -> str: ...

    async def executemany(self, query: str, arguments: Sequence[Sequence[Any]]) -> None: ...


def affected(status: str) -> int:
    """The number of rows in a command's status, such as `DELETE 3`."""
    return int(status.rpartition(" ")[2])
