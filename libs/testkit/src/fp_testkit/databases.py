"""A database for each test, copied from a template that was migrated once."""

import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit

from fp_testkit.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from importlib.resources.abc import Traversable

    import asyncpg

_ROLE: Final = "fp_test"
_PASSWORD: Final = "fp_test"


class Databases:
    """Fresh databases on one server, owned by a role without privileges, as in production.

    admin_url: a superuser's. Templates live as long as this object; `drop` removes what `create` made.
    """

    def __init__(self, admin_url: str) -> None:
        self._admin_url = admin_url
        self._prefix = f"fp_test_{os.getpid()}"
        self._templates: dict[tuple[str, str], str] = {}
        self._created: list[str] = []
        self._count = 0
        self._has_role = False

    async def create(self, migrations: "Traversable | None" = None, *, service: str = "test") -> str:
        """The URL of a fresh database; with `migrations` it has the service's tables and those of fp_postgres.

        migrations: the folder of the service. service: its noun, as for `fp_postgres.migrate`.
        """
        async with self._admin() as admin:
            template = await self._template(admin, migrations, service) if migrations is not None else "template0"
            name = self._next_name()
            await self._create(admin, name, template)
            self._created.append(name)
        return self._url(name)

    async def drop(self) -> None:
        """Remove every database that `create` made; connections to it are cut."""
        if not self._created:
            return
        async with self._admin() as admin:
            while self._created:
                await admin.execute(f'drop database if exists "{self._created.pop()}" with (force)')

    async def _template(self, admin: "asyncpg.Connection", migrations: "Traversable", service: str) -> str:
        from fp_postgres import migrate

        key = (str(migrations), service)
        if key not in self._templates:
            name = self._next_name()
            await self._create(admin, name, "template0")
            await migrate(self._url(name), migrations, service=service)
            self._templates[key] = name
        return self._templates[key]

    async def _create(self, admin: "asyncpg.Connection", name: str, template: str) -> None:
        if not self._has_role:
            await admin.execute(
                f"do $$ begin create role {_ROLE} login password '{_PASSWORD}'; "
                "exception when duplicate_object then null; end $$"
            )
            self._has_role = True
        # By files: the default copies each page through the log, which takes the server four times as long.
        await admin.execute(f'create database "{name}" owner {_ROLE} template "{template}" strategy file_copy')

    def _next_name(self) -> str:
        self._count += 1
        return f"{self._prefix}_{self._count}"

    def _url(self, name: str) -> str:
        parts = urlsplit(self._admin_url)
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit((parts.scheme, f"{_ROLE}:{_PASSWORD}@{host}", f"/{name}", parts.query, ""))

    @asynccontextmanager
    async def _admin(self) -> "AsyncIterator[asyncpg.Connection]":
        import asyncpg

        connection = await asyncpg.connect(self._admin_url, timeout=PATIENCE, command_timeout=PATIENCE)
        try:
            yield connection
        finally:
            await connection.close()
