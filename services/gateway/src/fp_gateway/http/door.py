"""Bodies of HTTP requests, read once it is known who sends them."""

from fp_kernel import Principal
from fp_telemetry import correlation_id
from starlette.requests import Request

from fp_gateway.callers import PUBLIC_BODY, Callers
from fp_gateway.client_address import ClientAddressHeaders, said_of_client
from fp_gateway.http import bind
from fp_gateway.http.shares import Shares
from fp_gateway.methods import Method


class Door:
    """Handlers get from here what they may read of a request."""

    def __init__(self, callers: Callers, addresses: ClientAddressHeaders, shares: Shares) -> None:
        self._callers = callers
        self._addresses = addresses
        self._shares = shares

    async def enter(self, request: Request, method: Method) -> Principal | None:
        """Who calls the RPC by this request; None where anybody may.

        Raises Unauthenticated, Unavailable, ResourceExhausted for a caller who has his share.
        """
        peer = request.client.host if request.client else ""
        address = self._addresses.client(peer, said_of_client(request.headers.getlist))
        principal = await self._callers.check(method, request.headers, address, correlation_id.get())
        if principal is not None:
            self._shares.enter(request.scope, principal, method)
        return principal

    async def body(self, request: Request, method: Method, limit: int) -> bytes:
        """As `read`, after `enter`. Raises what they raise."""
        return await self.read(request, await self.enter(request, method), limit)

    async def read(self, request: Request, caller: Principal | None, limit: int) -> bytes:
        """The body of a request that has entered; where anybody may call it has at most 8 KiB, whatever the limit.

        Raises what `bind.read_body` raises.
        """
        if caller is None:
            return await bind.read_body(request, min(limit, PUBLIC_BODY), bind.PUBLIC_SECONDS)
        return await bind.read_body(request, limit)
