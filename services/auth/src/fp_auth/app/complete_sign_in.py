"""The end of a sign-in at a provider: its answer for a session."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from fp_kernel import Clock, Unauthenticated

from fp_auth.app.begin_sign_in import SEALED_AS, KnownProvider, provider_named
from fp_auth.app.session import OpenSession, Session
from fp_auth.app.settle_account import SettleAccount
from fp_auth.app.sign_in_ports import SignInTransactions
from fp_auth.domain.sign_in import Flow, check_answer, read_flow

Unseal = Callable[[str, str], bytes]
"""Text and name -> data. Raises Unauthenticated for what was not sealed here."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The parameters by which the provider answers."""

    state: str
    code: str
    issuer: str
    error: str


class CompleteSignIn:
    def __init__(
        self,
        providers: Mapping[str, KnownProvider],
        unseal: Unseal,
        transactions: SignInTransactions,
        clock: Clock,
        *,
        settle: SettleAccount,
        open_session: OpenSession,
    ) -> None:
        self._providers = providers
        self._unseal = unseal
        self._transactions = transactions
        self._settle = settle
        self._open_session = open_session
        self._clock = clock

    async def __call__(self, sealed_flow: str, answer: Answer) -> tuple[Session, str]:
        """The session, and the page to which BeginSignIn was asked to return.

        Raises Unauthenticated for an answer that proves nothing, PermissionDenied for who is in no group,
        FailedPrecondition where the account cannot be the provider's, Unavailable while the provider is away.
        """
        flow = read_flow(self._unseal(sealed_flow, SEALED_AS))
        check_answer(flow, state=answer.state, now=self._clock.now())
        known = provider_named(self._providers, flow.name)
        await known.provider.check_sender(answer.issuer)
        if answer.error or not answer.code:
            raise Unauthenticated(f"{known.policy.title} did not let you in", reason="PROVIDER_REFUSED")
        await self._spend(flow)
        identity = await known.provider.identity(flow, answer.code, self._clock.now())
        user = await self._settle(known.policy, identity)
        return await self._open_session(user, ends=self._clock.now() + known.policy.longest), flow.return_to

    async def _spend(self, flow: Flow) -> None:
        """Before the code is shown to anybody, so that of two answers to one question only one is looked at."""
        digest = hashlib.sha256(f"flow:{flow.state}".encode()).digest()
        async with self._transactions() as tx:
            if not await tx.spent_tokens.spend(digest, datetime.fromtimestamp(flow.ends, UTC)):
                raise Unauthenticated("this sign-in was completed before; begin again", reason="CODE_REPLAYED")
