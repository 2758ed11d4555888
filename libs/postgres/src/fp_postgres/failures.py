"""Errors of the database as errors of the platform."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import asyncpg
from fp_kernel import Aborted, Error, FailedPrecondition, Unavailable

# A retry after this long, in seconds, meets a database that has had time to come back.
_RETRY_AFTER: Final = 1.0

_LOST_RACES: Final = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
)
_AWAY: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
)
_FULL: Final = (asyncpg.DiskFullError, asyncpg.OutOfMemoryError)


@contextmanager
def translated() -> Iterator[None]:
    """For statements: lost connections, time-outs and full disks are Unavailable, lost races Aborted.

    Constraint violations and programming errors pass unchanged.
    """
    try:
        yield
    except (*_LOST_RACES, *_AWAY, *_FULL, asyncpg.QueryCanceledError) as error:
        raise translation(error) from error


@contextmanager
def connecting() -> Iterator[None]:
    """For the way to a connection, where the operating system fails as well."""
    try:
        with translated():
            yield
    except (OSError, TimeoutError) as error:
        raise Unavailable("the database does not answer", retry_after=_RETRY_AFTER) from error
    except (asyncpg.InvalidPasswordError, asyncpg.InvalidCatalogNameError) as error:
        raise FailedPrecondition("the database refuses this login", reason="DATABASE_LOGIN") from error


def translation(error: Exception) -> Error:
    if isinstance(error, _LOST_RACES):
        return Aborted("another change came first; try again", reason="LOST_RACE", retry_after=_RETRY_AFTER)
    if isinstance(error, _FULL):
        return Unavailable("the database has no room left", reason="STORAGE_FULL", retry_after=60.0)
    if isinstance(error, asyncpg.QueryCanceledError):
        return Unavailable("the database took too long", reason="STATEMENT_TIMEOUT", retry_after=_RETRY_AFTER)
    return Unavailable("the database does not answer", retry_after=_RETRY_AFTER)
