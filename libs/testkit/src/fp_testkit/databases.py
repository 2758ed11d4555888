"""A database for each test, copied from a template that was migrated once, or that of an earlier test made like it."""

import asyncio
import os
from collections import defaultdict
from collections.abc import Collection
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit

from fp_testkit import reuse
from fp_testkit.aside import Aside
from fp_testkit.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager
    from importlib.resources.abc import Traversable

_ROLE: Final = "fp_test"
_PASSWORD: Final = "fp_test"
_END: Final = "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and pid <> pg_backend_pid()"
_PAUSE: Final = 0.002  # seconds
_Key = tuple[str, str]
_MOST_USED: Final = 4  # of one template, eight megabytes each


class Databases:
    """Fresh databases on one server, owned by a role without privileges, as in production.

    admin_url: a superuser's. Templates, and the one connection of the superuser, live as long as this object; `drop`
    takes away what `create` made. A database that is used again has another name, so that nobody of the earlier test
    finds it.
    """

    def __init__(self, admin_url: str) -> None:
        # Asked for TLS first, as by default, a client makes itself a context of it for each connection.
        self._admin_url = admin_url if "?" in admin_url else f"{admin_url}?sslmode=disable"
        self._prefix = f"fp_test_{os.getpid()}"
        self._templates: dict[_Key, str] = {}
        self._states: dict[_Key, reuse.State] = {}
        self._created: dict[str, _Key | None] = {}
        self._used: dict[_Key, list[str]] = defaultdict(list)
        self._count = 0
        self._has_role = False
        self._aside = Aside()
        self._connection: reuse.Connection | None = None

    async def create(
        self, migrations: "Traversable | None" = None, *, service: str = "test", fresh: bool = False
    ) -> str:
        """The URL of a database without rows; with `migrations` it has the service's tables and those of fp_postgres.

        migrations: the folder of the service. service: its noun, as for `fp_postgres.migrate`. fresh: a new one, whose
        tables never had other rows: for tests of how tables are read.
        """
        return await self._aside.run(self._made(migrations, service, fresh=fresh))

    async def _made(self, migrations: "Traversable | None", service: str, *, fresh: bool) -> str:
        key = (str(migrations), service) if migrations is not None else None
        name = None if fresh or key is None else await self._again(key)
        if name is None:
            admin = await self._admin()
            template = "template0" if migrations is None else await self._template(admin, migrations, service)
            name = self._next_name()
            await self._create(admin, name, template)
        self._created[name] = None if fresh else key
        return self._url(name)

    def created(self) -> frozenset[str]:
        """The names of those that `create` made and `drop` has not taken away."""
        return frozenset(self._created)

    async def drop(self, *, but: Collection[str] = ()) -> None:
        """Take away every database that `create` made; connections to it are cut. but: names of those that stay."""
        going = [name for name in self._created if name not in but]
        if going:
            await self._aside.run(self._dropped(going))

    async def close(self) -> None:
        """End what it keeps open; `create` opens it again."""
        from fp_postgres import connections

        if self._connection is not None:
            await self._aside.run(connections.close(self._connection))
            self._connection = None
        self._aside.close()

    async def _dropped(self, names: Collection[str]) -> None:
        admin = await self._admin()
        for name in names:
            key = self._created.pop(name)
            if key is None or len(self._used[key]) == _MOST_USED:
                await self._remove(admin, name)
            else:
                self._used[key].append(await self._retired(admin, name))

    async def _retired(self, admin: "reuse.Connection", name: str) -> str:
        """Its new name, by which nobody is connected to it."""
        later = self._next_name()
        await admin.execute(f'alter database "{name}" with allow_connections false')
        # The server's own wait for an end looks every tenth of a second, for one connection after the other.
        async with asyncio.timeout(PATIENCE):
            while True:
                if not await admin.fetch(_END, name):
                    break
                await asyncio.sleep(_PAUSE)  # they end
        await admin.execute(f'alter database "{name}" rename to "{later}"')
        await admin.execute(f'alter database "{later}" with allow_connections true')
        return later

    async def _again(self, key: _Key) -> str | None:
        """One that an earlier test has used, as it was; None when there is none that can be made so."""
        while self._used[key]:
            name = self._used[key].pop()
            async with self._superuser(name) as connection:
                restored = await reuse.restore(connection, self._states[key])
            if restored:
                return name
            await self._remove(await self._admin(), name)
        return None

    @staticmethod
    async def _remove(admin: "reuse.Connection", name: str) -> None:
        await admin.execute(f'drop database if exists "{name}" with (force)')

    async def _template(self, admin: "reuse.Connection", migrations: "Traversable", service: str) -> str:
        from fp_postgres import migrate

        key = (str(migrations), service)
        if key not in self._templates:
            name = self._next_name()
            await self._create(admin, name, "template0")
            await migrate(self._url(name), migrations, service=service)
            async with self._superuser(name) as connection:
                self._states[key] = await reuse.read(connection)
            self._templates[key] = name
        return self._templates[key]

    async def _create(self, admin: "reuse.Connection", name: str, template: str) -> None:
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
        host = urlsplit(self._admin_url).netloc.rpartition("@")[2]
        return self._of(name, f"{_ROLE}:{_PASSWORD}@{host}")

    def _of(self, name: str, address: str) -> str:
        parts = urlsplit(self._admin_url)
        return urlunsplit((parts.scheme, address, f"/{name}", parts.query, ""))

    async def _admin(self) -> "reuse.Connection":
        """The connection that stays open; a new one where a test has stopped the server meanwhile."""
        import asyncpg

        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(self._admin_url, timeout=PATIENCE, command_timeout=PATIENCE)
        return self._connection

    def _superuser(self, name: str) -> "AbstractAsyncContextManager[reuse.Connection]":
        return _connected(self._of(name, urlsplit(self._admin_url).netloc))


@asynccontextmanager
async def _connected(url: str) -> "AsyncIterator[reuse.Connection]":
    import asyncpg

    connection = await asyncpg.connect(url, timeout=PATIENCE, command_timeout=PATIENCE)
    try:
        yield connection
    finally:
        await connection.close()
