"""The context of one piece of work, shared by its log lines and outgoing calls."""

from collections.abc import Mapping
from contextvars import ContextVar, Token
from typing import Final, Protocol


class Scope(Protocol):
    """A call that is being handled. metadata: its headers, among which may be those of a trace."""

    @property
    def correlation_id(self) -> str: ...

    @property
    def metadata(self) -> Mapping[str, str]: ...


# One variable for everything about a call: setting a ContextVar costs more than the rest of what is done here.
scope: Final[ContextVar[Scope | None]] = ContextVar("fp_scope", default=None)
_own: Final[ContextVar[tuple[str, Scope | None]]] = ContextVar("fp_correlation_id", default=("", None))

Reset = Token[tuple[str, Scope | None]]


class CorrelationId:
    """The correlation id of the current work: that of the call being handled, or one that was set since.

    It has the methods of a `ContextVar[str]` and is none: a call sets one variable (`scope`), and the id is read from
    it.
    """

    def get(self, default: str = "") -> str:
        here = scope.get()
        value, within = _own.get()
        if here is not None and within is not here:
            value = here.correlation_id
        return value or default

    def set(self, value: str) -> Reset:
        return _own.set((value, scope.get()))

    def reset(self, token: Reset) -> None:
        _own.reset(token)


correlation_id: Final = CorrelationId()
