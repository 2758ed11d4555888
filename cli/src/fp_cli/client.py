"""Calls to the gateway."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

import grpc
from forgepoint.auth.v1 import auth_pb2, auth_pb2_grpc
from forgepoint.common.v1 import common_pb2
from fp_kernel import DeadlineExceeded, Error, Unauthenticated, Unavailable, new_id
from fp_rpc.errors import from_rpc_error

from fp_cli import context as contexts
from fp_cli import transport as transports
from fp_cli.address import host_of, is_loopback
from fp_cli.context import Context
from fp_cli.output import State
from fp_cli.transport import Transport

MESSAGE_BYTES: Final = 17 * 1024 * 1024
# A token is renewed when it has less than this left, in seconds: clocks differ, and a call takes its time.
RENEW_AHEAD: Final = 30.0
PAGE: Final = 100
EVERYTHING: Final = None
"""For `Client.pages`: to the end of the list. What stops at some number says nothing of what it left out."""
# What `from_rpc_error` says for an UNAVAILABLE that no service raised.
_UNREACHABLE: Final = "a peer is unavailable"


class Client:
    """A channel to the platform with the caller's token; errors are `fp_kernel` errors."""

    def __init__(self, channel: grpc.Channel, state: State, context: Context, transport: Transport) -> None:
        self.channel = channel
        self.transport = transport
        self._state = state
        self._context = context

    @property
    def address(self) -> str:
        return self.transport.address

    def within(self, seconds: float) -> "Client":
        """The same, which waits no longer than this for an answer."""
        return Client(self.channel, replace(self._state, timeout=seconds), self._context, self.transport)

    def call(self, method: Callable[..., Any], request: Any, *, anonymous: bool = False) -> Any:
        """One unary call; `method` is a multi-callable of a stub on `channel`."""
        metadata = () if anonymous else self._credentials()
        try:
            return method(request, timeout=self._state.timeout, metadata=metadata, wait_for_ready=False)
        except grpc.RpcError as error:
            raise self._error(error) from None

    def stream(self, method: Callable[..., Any], request: Any, *, limit: float = 3_600.0) -> Iterator[Any]:
        try:
            yield from method(request, timeout=limit, metadata=self._credentials())
        except grpc.RpcError as error:
            raise self._error(error) from None

    def pages(self, method: Callable[..., Any], request: Any, field: str, limit: int | None) -> Iterator[Any]:
        """The items of a paged list, at most `limit`, or all there are."""
        token = ""
        while limit is None or limit > 0:
            size = PAGE if limit is None else min(limit, PAGE)
            request.pagination.CopyFrom(common_pb2.PaginationRequest(page_size=size, page_token=token))
            response = self.call(method, request)
            found = getattr(response, field)
            yield from found
            limit = None if limit is None else limit - len(found)
            token = response.pagination.next_page_token
            if not token:
                return

    def _error(self, error: grpc.RpcError) -> Error:
        """What the platform said; where nothing of it answered, the address."""
        found = from_rpc_error(error)
        if found.message == _UNREACHABLE:
            return self.transport.problem(Unavailable(f"nothing answers at {self.transport.address}"))
        if isinstance(found, DeadlineExceeded):
            return DeadlineExceeded(f"{self.transport.address} did not answer within {self._state.timeout:g} s")
        return found

    def _credentials(self) -> tuple[tuple[str, str], ...]:
        self._context = self._renewed(self._context)
        if not self._context.access_token:
            raise Unauthenticated("you are not logged in")
        return (("authorization", f"Bearer {self._context.access_token}"),)

    def _renewed(self, context: Context) -> Context:
        # A refresh token is for the platform that gave it; another address gets none.
        if not _is_stale(context) or context.address != self.transport.address:
            return context
        # A refresh token that is used twice ends the session: commands that run beside take turns, and the second
        # finds what the first one got.
        with contexts.locked():
            known = contexts.load(self._state.context)
            if known.address != context.address:
                raise Unauthenticated("you have logged in at another platform meanwhile")
            if known.email == context.email and not _is_stale(known):
                return replace(context, access_token=known.access_token, expires_at=known.expires_at)
            stub = auth_pb2_grpc.AuthServiceStub(self.channel)
            request = auth_pb2.RefreshTokenRequest(refresh_token=known.refresh_token)
            response = self.call(stub.RefreshToken, request, anonymous=True)
            fresh = replace(known, **tokens(response))
            contexts.save(fresh, self._state.context)
            return fresh


def _is_stale(context: Context) -> bool:
    return bool(context.refresh_token) and context.expires_at - time.time() <= RENEW_AHEAD


def tokens(response: Any) -> dict[str, Any]:
    """What a context stores of a login or a refresh."""
    return {
        "access_token": response.access_token,
        "refresh_token": response.refresh_token,
        "expires_at": float(response.expires_at.seconds),
        "email": response.user.email,
    }


@contextmanager
def connect(state: State) -> Iterator[Client]:
    """A client for `--address`, else FP_ADDRESS, else the context: `--context`, else FP_CONTEXT, else the current one.

    FP_API_KEY stands for a login, for programs. Raises as `transport.chosen` does.
    """
    import os

    # By its name from here on: another command may make another one the current one while this one runs.
    state = replace(state, context=contexts.name_of(state.context))
    context = contexts.load(state.context, new=bool(state.address))
    if key := os.environ.get("FP_API_KEY"):
        context = replace(context, access_token=key, refresh_token="")
    transport = transports.chosen(state, context)
    options = (
        ("grpc.max_receive_message_length", MESSAGE_BYTES),
        # What is too large is refused by the platform, which names its limit.
        ("grpc.max_send_message_length", -1),
        ("grpc.enable_http_proxy", int(not is_loopback(host_of(transport.address)))),
    )
    with transport.channel(options) as channel:
        client = Client(channel, state, context, transport)
        yield client
        _look_at_versions(client)


def _look_at_versions(client: Client) -> None:
    """After what was asked for; only commands that talk to a platform need the module."""
    from fp_cli.versions import warn_daily

    warn_daily(client)


def idempotency_key(given: str) -> str:
    """The user's key, or one for this invocation: its own retries then happen once."""
    return given or new_id()
