"""Who calls, by auth's keys, and which of these are withdrawn: auth says so over gRPC, because a runtime has no bus."""

from typing import Any, NoReturn

import grpc
from forgepoint.auth.v1.withdrawals_pb2 import WatchSigningKeysRequest
from forgepoint.auth.v1.withdrawals_pb2_grpc import WithdrawalServiceStub
from fp_kernel import DeadlineExceeded, Unavailable
from fp_rpc import CredentialResolver, JwksSource, JwtResolver, Withdrawals
from fp_rpc.client.call_context import TOKEN_REFUSED
from fp_rpc.identity.auth_client import withdrawal_of
from fp_rpc.identity.withdrawals import Withdrawal


def callers(issuer: str, keys: JwksSource) -> CredentialResolver:
    """Services alone call a runtime: it takes no API key, which is a token that does not verify, and holds nothing of
    people. issuer: what the tokens say. keys: that verify them.
    """
    tokens = JwtResolver(issuer, keys)
    return CredentialResolver(tokens, tokens, Withdrawals(_nothing))


async def follow_signing_keys(auth: grpc.aio.Channel, withdrawals: Withdrawals) -> NoReturn:
    """Runs until it is cancelled. Whoever has a leaked key signs himself the token of a service with it; without this
    it would be good here until the keys are loaded again, ten minutes later.

    Raises what else ends the watch; begun again, it hears of all that it missed.
    """
    stub: Any = WithdrawalServiceStub(auth)
    while True:
        heard = False
        try:
            async for answer in stub.WatchSigningKeys(WatchSigningKeysRequest()):
                heard = True
                for each in answer.withdrawals:
                    withdrawals.add(withdrawal_of(each))
        except DeadlineExceeded:
            # No stream lives for ever.
            continue
        except Unavailable as ended:
            # The key under its own token was withdrawn: the next token is of another key, and brings the news.
            if ended.reason == TOKEN_REFUSED and heard:
                continue
            raise
        raise Unavailable("auth has ended the watch")


async def _nothing() -> tuple[Withdrawal, ...]:
    return ()
