"""The credential that outgoing calls carry."""

from typing import Final, Protocol

import grpc
from forgepoint.auth.v1 import auth_pb2, auth_pb2_grpc
from fp_kernel import Backoff, Clock, Loaded, LoadingCache, SystemClock, Unauthenticated, Unavailable
from fp_telemetry import get_logger

from fp_rpc import headers
from fp_rpc.client.channel_options import channel_options
from fp_rpc.client.renewed_channel import open_channel
from fp_rpc.errors import from_rpc_error
from fp_rpc.identity.caller import AUDIENCE
from fp_rpc.server.incoming_call import call_or_none
from fp_rpc.times import seconds_of
from fp_rpc.tls.certificates import Certificates

_log = get_logger("fp_rpc.credentials")
_EXCHANGE_TIMEOUT: Final = 5.0
# Renewed when a third of its life is left: so long can auth be away before calls fail.
_RENEWED_AFTER: Final = 2 / 3
_BACKOFF: Final = Backoff(first=0.2, longest=2.0)
_LEAST_AGE: Final = 5.0


class Credential(Protocol):
    """acts_for_others: whether calls also say for which team they are made; only services may."""

    acts_for_others: bool

    def ready(self) -> str | None:
        """The bearer credential, empty for none, where nothing has to be done for it; None where `token` must be
        awaited.
        """
        ...

    async def token(self) -> str:
        """The bearer credential; empty for none. Raises Unavailable when it cannot be had now."""
        ...

    def refused(self, token: str) -> bool:
        """A peer refused this token. Answers whether asking again may give another one."""
        ...


class BearerToken:
    """A fixed token or API key: for programs and tests."""

    acts_for_others = False

    def __init__(self, value: str) -> None:
        self._value = value

    def ready(self) -> str | None:
        return self._value

    async def token(self) -> str:
        return self._value

    def refused(self, token: str) -> bool:  # noqa: ARG002 -- the protocol's name
        return False


class ForwardedToken:
    """The bearer credential of the call that is being handled, as it came: for the gateway."""

    acts_for_others = False

    def ready(self) -> str | None:
        return None

    async def token(self) -> str:
        call = call_or_none()
        header = call.metadata.get(headers.AUTHORIZATION, "") if call else ""
        return header.partition(" ")[2].strip()

    def refused(self, token: str) -> bool:  # noqa: ARG002 -- the protocol's name
        return False


class ServiceCredential:
    """A service's own credential, exchanged at auth for a token of role `service`, renewed ahead of its end.

    auth: address (host:port) or an open channel. audience: see `identity.caller`. certificates: for an address.
    A good token is never waited for: it is renewed beside the calls, and used to its end while auth is away.
    """

    acts_for_others = True

    def __init__(
        self,
        service: str,
        secret: str,
        auth: str | grpc.aio.Channel,
        *,
        audience: str = AUDIENCE,
        clock: Clock | None = None,
        certificates: Certificates | None = None,
    ) -> None:
        self._certificates = certificates
        self._service = service
        self._audience = audience
        self._secret = secret
        self._auth = auth
        self._opened: grpc.aio.Channel | None = None
        self._clock = clock or SystemClock()
        self._tokens: LoadingCache[None, str] = LoadingCache(clock=self._clock, backoff=_BACKOFF)

    def ready(self) -> str | None:
        return self._tokens.fresh(None)

    async def token(self) -> str:
        """Raises Unavailable while there is no token: auth is away, or it refuses the secret.

        All who wait share one exchange; how long to wait is the caller's matter.
        """
        return await self._tokens.get(None, self._exchange)

    @property
    def present(self) -> str:
        """The token as it is now, without asking for another; empty when there is none that is good."""
        return self._tokens.peek(None) or ""

    def refused(self, token: str) -> bool:
        """Forget the token, unless it is so new that another would be refused as well."""
        if token != self.present:
            return True
        if self._tokens.age(None) < _LEAST_AGE:
            return False
        self._tokens.drop(None)
        return True

    async def close(self) -> None:
        """End an exchange under way, and close the channel to auth, where this object opened it."""
        await self._tokens.close()
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.close()

    async def _exchange(self) -> Loaded[str]:
        request = auth_pb2.ExchangeServiceTokenRequest(
            service=self._service, secret=self._secret, audience=self._audience
        )
        try:
            answer = await auth_pb2_grpc.AuthServiceStub(self._channel()).ExchangeServiceToken(
                request, timeout=_EXCHANGE_TIMEOUT
            )
        except grpc.RpcError as failure:
            error = from_rpc_error(failure)
            if isinstance(error, Unauthenticated):
                _log.error("auth refuses the credential of this service", service=self._service)
            else:
                _log.warning("auth gave this service no token", cause=error.reason)
            raise Unavailable("this service has no token yet", reason="NO_SERVICE_TOKEN", retry_after=1.0) from failure
        lifetime = seconds_of(answer.expires_at) - self._clock.now().timestamp()
        return Loaded(answer.access_token, fresh_for=lifetime * _RENEWED_AFTER, good_for=lifetime)

    def _channel(self) -> grpc.aio.Channel:
        if not isinstance(self._auth, str):
            return self._auth
        if self._opened is None:
            self._opened = open_channel(self._auth, channel_options(), self._certificates, "auth")
        return self._opened
