"""Questions to auth about the credentials of callers."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import grpc
from forgepoint.auth.v1 import auth_pb2, auth_pb2_grpc, withdrawals_pb2, withdrawals_pb2_grpc
from forgepoint.events.v1.events_pb2 import IdentityEnded, IdentityRestored
from fp_kernel import Principal, Unavailable, Unimplemented
from fp_kernel.identity import SERVICE_ROLE, KeyLimits

from fp_rpc.identity.withdrawals import Withdrawal
from fp_rpc.times import seconds_of

_LIST_TIMEOUT: Final = 5.0


def auth_validator(auth: grpc.aio.Channel) -> Callable[[str], Awaitable[Principal]]:
    """Asks auth for the principal of a credential. auth: a channel with the service's own identity."""
    stub: Any = auth_pb2_grpc.AuthServiceStub(auth)

    async def validate(credential: str) -> Principal:
        response = await stub.ValidateToken(auth_pb2.ValidateTokenRequest(token=credential))
        return principal_of(response.claims)

    return validate


def principal_of(claims: auth_pb2.TokenClaims) -> Principal:
    """The principal that auth names; `expires_at` in seconds since 1970, infinite for a credential without an end."""
    return Principal(
        user_id=claims.user_id,
        team=claims.team,
        role=claims.role,
        scopes=frozenset(claims.scopes),
        expires_at=seconds_of(claims.exp) if claims.HasField("exp") else float("inf"),
        email=claims.email,
        name=claims.name,
        token_id=claims.jti,
        api_key_id=claims.api_key_id,
        execution_id=claims.execution_id,
        service=claims.user_id if claims.role == SERVICE_ROLE else "",
        issued_at=seconds_of(claims.iat),
        session_id=claims.session_id,
        key_limits=KeyLimits(claims.predictions_per_second, claims.predictions_in_flight),
    )


def list_withdrawals(auth: grpc.aio.Channel) -> Callable[[], Awaitable[Sequence[Withdrawal]]]:
    """Asks auth for what ended. auth: a channel with the service's own identity, which passes UNIMPLEMENTED on."""
    stub: Any = withdrawals_pb2_grpc.WithdrawalServiceStub(auth)

    async def load() -> Sequence[Withdrawal]:
        try:
            async with asyncio.timeout(_LIST_TIMEOUT):
                answers = stub.ListWithdrawals(withdrawals_pb2.ListWithdrawalsRequest())
                return [withdrawal_of(each) async for answer in answers for each in answer.withdrawals]
        except Unimplemented:
            # An auth of before, during an upgrade: it ends nothing before its time.
            return []
        except TimeoutError as late:
            raise Unavailable("auth does not say which credentials ended", retry_after=1.0) from late

    return load


def withdrawal_of(said: withdrawals_pb2.Withdrawal | IdentityEnded | IdentityRestored) -> Withdrawal:
    """The three messages say the same of an identity; none but the first two spares a session."""
    return Withdrawal(
        kind=said.kind,
        id=said.id,
        revision=said.revision,
        until=seconds_of(said.until),
        before=seconds_of(said.before) if said.HasField("before") else math.inf,
        spared_session="" if isinstance(said, IdentityRestored) else said.spared_session_id,
    )
