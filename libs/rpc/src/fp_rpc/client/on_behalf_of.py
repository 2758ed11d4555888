"""For which team and user this process acts in its outgoing calls."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from fp_kernel import Internal

from fp_rpc.server.incoming_call import call_or_none

_acting: ContextVar[tuple[str, str] | None] = ContextVar("fp_acting_for", default=None)


@contextmanager
def acting_for(team: str, user_id: str = "") -> Iterator[None]:
    """Outgoing calls inside the block say that they are made for this team, and this user when given.

    Only needed outside a handler, as in an event consumer: inside one, the caller's team and user are used by
    themselves.
    """
    token = _acting.set((team, user_id))
    try:
        yield
    finally:
        _acting.reset(token)


def acting_now() -> tuple[str, str]:
    """Team and user for whom outgoing calls are made now; empty texts for nobody.

    Raises Internal in a task that has outlived the call that started it: it must say by `acting_for` for whom it acts.
    """
    acting = _acting.get()
    if acting is not None:
        return acting
    call = call_or_none()
    if call is None or call.principal is None:
        return "", ""
    if call.ended:
        raise Internal("a task acts for a call that has ended; it needs acting_for")
    return call.principal.team, call.principal.user_id
