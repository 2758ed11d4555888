"""What every log line and outgoing call of one piece of work shares."""

from contextvars import ContextVar

correlation_id: ContextVar[str] = ContextVar("fp_correlation_id", default="")
