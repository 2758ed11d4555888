"""What stores need of a pool or a transaction alike."""

from typing import Any, Protocol

from asyncpg import Record


class Connection(Protocol):
    async def fetch(self, query: str, *arguments: Any) -> list[Record]: ...

    async def fetchrow(self, query: str, *arguments: Any) -> Record | None: ...

    async def fetchval(self, query: str, *arguments: Any) -> Any: ...

    async def execute(self, query: str, *arguments: Any) -> str: ...
