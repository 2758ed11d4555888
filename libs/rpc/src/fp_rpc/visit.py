"""One call on its way through the server."""

from __future__ import annotations

import asyncio
import re
import time
from typing import TYPE_CHECKING, Any, Final

from fp_kernel import Cancelled, DeadlineExceeded, Error, Internal, Unauthenticated, Unavailable, Unimplemented

from fp_rpc import headers
from fp_rpc.call import Call, enter
from fp_rpc.commands import body_key
from fp_rpc.errors import INTERNAL_MESSAGE

if TYPE_CHECKING:
    from opentelemetry.trace import Span

    from fp_rpc.method import Method

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+=-]{0,127}")
# A cancellation by the deadline may arrive a little before the deadline by this process's clock.
_TOLERANCE: Final = 0.01


class Visit(Call):
    """The call with what the server needs to end it.

    request: set once the body was read. body_bytes: what counts as held for it.
    origin: where the caller sits, when the gateway says so and was believed.
    """

    __slots__ = ("body_bytes", "draining", "origin", "request", "rpc", "span", "started", "task", "unbounded")

    def __init__(self, rpc: Method, context: Any, default_deadline: float) -> None:
        self.rpc = rpc
        self.started = time.monotonic()
        self.request: Any = None
        self.body_bytes = 0
        self.origin = ""
        self.span: Span | None = None
        self.task: asyncio.Task[Any] | None = None
        self.draining = False
        metadata: dict[str, str] = dict(context.invocation_metadata())
        remaining = context.time_remaining()
        # The core ends calls at their caller's deadline; only those without one need a timer of ours.
        self.unbounded = remaining is None
        if remaining is None:
            remaining = default_deadline
        super().__init__(
            rpc.path,
            rpc.rule,
            request_id=_id(metadata.get(headers.REQUEST_ID)),
            peer=context.peer,
            deadline=self.started + remaining,
            metadata=metadata,
        )
        self.correlation_id = _id(metadata.get(headers.CORRELATION_ID)) or self.request_id
        enter(self)

    def error_of(self, failure: BaseException) -> Error | None:
        """What the caller is told; None when there is nobody left to tell."""
        failure = _only(failure)
        if isinstance(failure, Error):
            return failure
        if isinstance(failure, NotImplementedError):
            return Unimplemented("this method is not implemented")
        late = self.remaining() <= _TOLERANCE
        if isinstance(failure, TimeoutError) and late:
            return DeadlineExceeded("the deadline passed")
        if isinstance(failure, Exception):
            return Internal(INTERNAL_MESSAGE)
        if self.draining:
            return Unavailable("the server is going away", reason="DRAINING", retry_after=0.0)
        return self._of_cancelled(failure)

    @property
    def repeatable(self) -> bool:
        return super().repeatable or (hasattr(self.request, "DESCRIPTOR") and bool(body_key(self.request)))

    def _of_cancelled(self, failure: BaseException) -> Error | None:
        """An error when nobody cancelled this call: a future that the handler shared with others was cancelled, or a
        channel was closed under it. The core would send no status at all then, and the caller would wait for ever.
        """
        return (
            None if not isinstance(failure, asyncio.CancelledError) or _is_cancelled() else Internal(INTERNAL_MESSAGE)
        )

    def ending(self) -> Error:
        """Why the core cancelled the call."""
        late = self.remaining() <= _TOLERANCE
        return DeadlineExceeded("the deadline passed") if late else Cancelled("the call was cancelled")


def bearer(call: Call) -> str:
    """The credential of the authorization header.

    Raises Unauthenticated when there is none or it has another scheme.
    """
    header = call.metadata.get(headers.AUTHORIZATION)
    if not header:
        raise Unauthenticated("a bearer credential is required", reason="CREDENTIAL_MISSING")
    scheme, _, credential = header.partition(" ")
    if scheme.lower() != "bearer" or not credential:
        raise Unauthenticated("authorization must be `Bearer <credential>`", reason="CREDENTIAL_MALFORMED")
    return credential.strip()


def _id(value: str | None) -> str:
    """The id that a caller chose, when it is fit for logs and headers."""
    return value if value and _ID.fullmatch(value) else ""


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _only(failure: BaseException) -> BaseException:
    """The one exception of a task group: there a handler's error comes in a group."""
    while isinstance(failure, BaseExceptionGroup) and len(failure.exceptions) == 1:
        failure = failure.exceptions[0]
    return failure
