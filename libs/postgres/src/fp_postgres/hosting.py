"""The database as a dependency of a service."""

from collections.abc import Awaitable, Callable
from importlib import resources
from typing import Protocol, TypeVar

from fp_postgres.database import Database
from fp_postgres.migrating import migrate

T = TypeVar("T")


class Host(Protocol):
    """What is needed of `fp_runtime.Runtime`."""

    @property
    def noun(self) -> str: ...

    async def hard(
        self,
        name: str,
        connect: Callable[[], Awaitable[T]],
        ping: Callable[[T], Awaitable[object]],
        close: Callable[[T], Awaitable[object]],
    ) -> T: ...


async def hard_database(runtime: Host, url: str) -> Database:
    """Hard, and migrated: by the files of `fp_<noun>/migrations`.

    Raises what `Runtime.hard` and `migrate` raise.
    """
    noun = runtime.noun
    database = await runtime.hard("postgres", lambda: Database.connect(url, source=noun), Database.ping, Database.close)
    await migrate(url, resources.files(f"fp_{noun}") / "migrations", service=noun)
    return database
