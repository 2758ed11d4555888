"""Forward-only migrations in plain SQL."""

from importlib.resources.abc import Traversable
from pathlib import Path


async def migrate(database_url: str, folder: Traversable | Path, *, service: str) -> None:
    """Apply what is missing of this library's own tables and then of `folder` (`0001_name.sql`, `0002_...`).

    Each file is one transaction with lock and statement time-outs; replicas that start together wait for each other.
    Raises FailedPrecondition when an applied file was changed or the numbers have a gap, Unavailable when the database
    is away, Aborted when a lock could not be had in time.
    """
    raise NotImplementedError
