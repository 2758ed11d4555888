"""The database as a dependency of a service."""

from importlib import resources

from fp_kernel.hosting import Host

from fp_postgres.database import Database
from fp_postgres.migration import migrate


async def hard_database(runtime: Host, url: str) -> Database:
    """Hard, and migrated: by the files of `fp_<noun>/migrations`.

    Raises what `Runtime.hard` and `migrate` raise.
    """
    noun = runtime.noun
    database = await runtime.hard("postgres", lambda: Database.connect(url, source=noun), Database.ping, Database.close)
    await migrate(url, resources.files(f"fp_{noun}") / "migrations", service=noun)
    return database
