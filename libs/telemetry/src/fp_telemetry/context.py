"""What every log line and outgoing call of one piece of work shares."""

from collections.abc import Mapping
from contextvars import ContextVar

correlation_id: ContextVar[str] = ContextVar("fp_correlation_id", default="")

# Headers that brought a trace into a process which records no spans: they are only read when someone asks.
incoming: ContextVar[Mapping[str, str] | None] = ContextVar("fp_incoming", default=None)
