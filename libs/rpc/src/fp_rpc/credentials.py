"""What outgoing calls show as their own identity."""

import asyncio
from typing import Final, Protocol

import grpc
from forgepoint.auth.v1 import auth_pb2, auth_pb2_grpc
from fp_kernel import Clock, SystemClock, Unauthenticated, Unavailable
from fp_telemetry import get_logger

from fp_rpc import headers
from fp_rpc.call import call_or_none
from fp_rpc.errors import from_rpc_error
from fp_rpc.options import channel_options

_log = get_logger("fp_rpc.credentials")
_EXCHANGE_TIMEOUT: Final = 5.0
# Renewed when a third of its life is left, so that auth may be away that long without being missed.
_RENEWED_AFTER: Final = 2 / 3
_RETRY: Final = 5.0
_LEAST_AGE: Final = 5.0


class Credential(Protocol):
    """acts_for_others: whether calls also say for which team they are made; only services may."""

    acts_for_others: bool

    async def token(self) -> str:
        """The bearer credential; empty for none. Raises Unavailable when it cannot be had now."""
        ...

    def refused(self, token: str) -> bool:
        """A peer refused this token; answers whether another one may be had by asking again."""
        ...


class BearerToken:
    """A fixed token or API key: for programs and tests."""

    acts_for_others = False

    def __init__(self, value: str) -> None:
        self._value = value

    async def token(self) -> str:
        return self._value

    def refused(self, token: str) -> bool:  # noqa: ARG002 -- the protocol's name
        return False


class ForwardedToken:
    """The bearer credential of the call that is being handled, as it came: for the gateway."""

    acts_for_others = False

    async def token(self) -> str:
        call = call_or_none()
        header = call.metadata.get(headers.AUTHORIZATION, "") if call else ""
        return header.partition(" ")[2].strip()

    def refused(self, token: str) -> bool:  # noqa: ARG002 -- the protocol's name
        return False


class ServiceCredential:
    """A service's own credential, exchanged at auth for a token of role `service`, renewed ahead of its end.

    auth: address (host:port) or an open channel.
    While auth is away a token is used until it ends.
    """

    acts_for_others = True

    def __init__(self, service: str, secret: str, auth: str | grpc.aio.Channel, *, clock: Clock | None = None) -> None:
        self._service = service
        self._secret = secret
        self._auth = auth
        self._opened: grpc.aio.Channel | None = None
        self._clock = clock or SystemClock()
        self._token = ""
        self._since = self._renew_at = self._ends_at = float("-inf")
        self._lock = asyncio.Lock()

    async def token(self) -> str:
        """Raises Unavailable while there is no token: auth is away, or it refuses the secret."""
        now = self._clock.monotonic()
        # One caller renews; the others go on with the present token while it is good.
        if now < self._renew_at or (now < self._ends_at and self._lock.locked()):
            return self._token
        async with self._lock:
            if self._clock.monotonic() >= self._renew_at:
                await self._renew()
            return self._token

    @property
    def present(self) -> str:
        """The token as it is now, without asking for another; empty when there is none that is good."""
        return self._token if self._clock.monotonic() < self._ends_at else ""

    def refused(self, token: str) -> bool:
        """Forget the token, unless it is so new that another would be refused as well."""
        if token != self._token:
            return True
        if self._clock.monotonic() - self._since < _LEAST_AGE:
            return False
        self._renew_at = self._ends_at = float("-inf")
        return True

    async def close(self) -> None:
        """Close the channel to auth, where this object opened it."""
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.close()

    async def _renew(self) -> None:
        request = auth_pb2.ExchangeServiceTokenRequest(service=self._service, secret=self._secret)
        try:
            answer = await auth_pb2_grpc.AuthServiceStub(self._channel()).ExchangeServiceToken(
                request, timeout=_EXCHANGE_TIMEOUT
            )
        except grpc.RpcError as failure:
            self._failed(failure)
            return
        now = self._clock.monotonic()
        lifetime = answer.expires_at.ToNanoseconds() / 1e9 - self._clock.now().timestamp()
        self._token, self._since = answer.access_token, now
        self._renew_at, self._ends_at = now + lifetime * _RENEWED_AFTER, now + lifetime

    def _failed(self, failure: grpc.RpcError) -> None:
        """Go on with the present token while it is good; raises Unavailable when it is not."""
        error = from_rpc_error(failure)
        if isinstance(error, Unauthenticated):
            _log.error("auth refuses the credential of this service", service=self._service)
        now = self._clock.monotonic()
        if now >= self._ends_at:
            raise Unavailable("this service has no token yet", reason="NO_SERVICE_TOKEN", retry_after=1.0) from failure
        self._renew_at = min(now + _RETRY, self._ends_at)
        _log.warning("service token could not be renewed", cause=error.reason)

    def _channel(self) -> grpc.aio.Channel:
        if not isinstance(self._auth, str):
            return self._auth
        if self._opened is None:
            self._opened = grpc.aio.insecure_channel(self._auth, options=channel_options())
        return self._opened
