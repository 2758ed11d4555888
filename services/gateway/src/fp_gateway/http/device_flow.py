"""Device authorization (RFC 8628) over HTTP, for clients of others; `fp login --device` uses the RPCs."""

from typing import Any, Final

from forgepoint.auth.v1 import sign_in_pb2 as pb
from fp_kernel import FailedPrecondition, InvalidArgument, NotFound
from starlette.requests import Request

from fp_gateway.http import route_table
from fp_gateway.http.pages.forms import read_form
from fp_gateway.http.rpc_client import RpcClient

GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
_PENDING: Final = "AUTHORIZATION_PENDING"
CODES: Final = {
    _PENDING: "authorization_pending",
    "SIGN_IN_DENIED": "access_denied",
    # One that is over is deleted, and so is one that was used: clients begin again in both cases.
    "SIGN_IN_NOT_FOUND": "expired_token",
}
"""Errors of RFC 8628, section 3.5, by the reasons of auth."""


async def authorize(rpc: RpcClient, request: Request) -> dict[str, Any]:
    """client_id is what the person is asked about. Raises InvalidArgument, FailedPrecondition, ResourceExhausted."""
    client = (await read_form(request)).get("client_id", "")
    if not client:
        raise InvalidArgument("client_id must be the name of the program, as a person will read it")
    begun: Any = (await rpc.unary(route_table.BEGIN_DEVICE, pb.BeginDeviceSignInRequest(program=client), request))[0]
    return {
        "device_code": begun.device_code,
        "user_code": begun.user_code,
        "verification_uri": begun.verification_url,
        "verification_uri_complete": begun.verification_url_complete,
        "expires_in": begun.expires_in.seconds,
        "interval": begun.interval.seconds,
    }


async def redeem(rpc: RpcClient, request: Request, device_code: str) -> dict[str, Any]:
    """Raises FailedPrecondition while nobody has decided, NotFound when it is over, Unauthenticated when refused."""
    if not device_code:
        raise NotFound("device_code: there is no such sign-in", reason="SIGN_IN_NOT_FOUND")
    # Asked for first, since a redemption is an entry of the audit log and clients ask every two seconds.
    asked = pb.PollDeviceSignInRequest(device_code=device_code)
    polled: Any = (await rpc.unary(route_table.POLL_DEVICE, asked, request))[0]
    if polled.state == pb.DEVICE_SIGN_IN_STATE_PENDING:
        raise FailedPrecondition("nobody has allowed it yet", reason=_PENDING)
    message = pb.RedeemDeviceSignInRequest(device_code=device_code)
    answer: Any = (await rpc.unary(route_table.REDEEM_DEVICE, message, request))[0]
    session = answer.session
    return {
        "access_token": session.access_token,
        "token_type": "Bearer",
        "refresh_token": session.refresh_token,
    }
