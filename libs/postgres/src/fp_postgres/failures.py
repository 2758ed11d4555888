"""Errors of the database as errors of the platform."""

from types import TracebackType
from typing import Final

from asyncpg import exceptions as pg
from fp_kernel import Aborted, InvalidArgument, Unavailable
from fp_kernel.trust import distrust

# A retry may find the server back, or another one in its place.
_AWAY: Final = (
    pg.PostgresConnectionError,
    pg.CannotConnectNowError,
    pg.AdminShutdownError,
    pg.CrashShutdownError,
    pg.IdleSessionTimeoutError,
    pg.IdleInTransactionSessionTimeoutError,
    pg.InsufficientResourcesError,
    pg.ReadOnlySQLTransactionError,
    # The server closed the connection while a query was on its way: asyncpg then raises this.
    pg.InternalClientError,
)
# A caller's text that no check of the service has looked at.
_NO_TEXT: Final = (pg.CharacterNotInRepertoireError, pg.UntranslatableCharacterError)
LOST_RACE: Final = (pg.TransactionRollbackError, pg.LockNotAvailableError)


class Translated:
    """`with translated:` raises Unavailable or Aborted for what the connection or a race has done, InvalidArgument for
    a text that Postgres cannot store.

    Everything else goes on as it is: a violated constraint means something only to the adapter that knows it.
    calls: nothing but calls of the driver stands inside, so that a time-out or an OSError is the database's.
    """

    def __init__(self, *, calls: bool) -> None:
        self._calls = calls

    def __enter__(self) -> None:
        return

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            return
        if isinstance(error, LOST_RACE):
            raise Aborted("the change lost a race with another one", retry_after=0.1) from error
        if isinstance(error, _NO_TEXT):
            raise InvalidArgument("a text holds a character that cannot be stored, such as NUL") from error
        # Slow before away: TimeoutError is an OSError.
        if isinstance(error, pg.QueryCanceledError) or (self._calls and isinstance(error, TimeoutError)):
            raise Unavailable("the database did not answer in time") from error
        if self._calls and isinstance(error, OSError) and (found := distrust("the database", error)):
            raise found from error
        if isinstance(error, _AWAY) or (self._calls and isinstance(error, OSError)) or _closed(error):
            raise Unavailable("the database is away") from error


def _closed(error: BaseException) -> bool:
    return isinstance(error, pg.InterfaceError) and "clos" in str(error)


translated: Final = Translated(calls=True)
translated_body: Final = Translated(calls=False)
