"""A password, and a code where the account has a second factor, for a session."""

from fp_kernel import Clock, Unauthenticated

from fp_auth.app.check_second_factor import CheckSecondFactor, spend
from fp_auth.app.ports import Transaction, Transactions
from fp_auth.app.prove_password import PasswordProofs
from fp_auth.app.session import OpenSession, Session, admitted
from fp_auth.app.verify_password import VerifyPassword
from fp_auth.domain.second_factors import Match


class Login:
    def __init__(
        self,
        transactions: Transactions,
        *,
        verify: VerifyPassword,
        proofs: PasswordProofs,
        second_factor: CheckSecondFactor,
        open_session: OpenSession,
        clock: Clock,
    ) -> None:
        self._transactions = transactions
        self._verify = verify
        self._proofs = proofs
        self._second_factor = second_factor
        self._open_session = open_session
        self._clock = clock

    async def __call__(self, email: str, password: str, *, code: str = "", proof: str = "", address: str) -> Session:
        """proof: of the password, in its place and the e-mail address's, as a refusal without a code carries it.

        address: where the client is, as text; empty when nobody knows.

        Raises InvalidArgument, Unauthenticated, ResourceExhausted while the address must wait, for this account or for
        every one, and PermissionDenied for an account that is disabled.
        """
        if proof:
            attempt = await self._proofs(proof, address=address)
        else:
            attempt = await self._verify(email, password, address=address)
        factor, match = await self._second_factor.of(attempt.user), None
        if factor is not None:
            if not code:
                # Not forgiven: who knows the password would start the count of wrong codes anew each time.
                await self._verify.withdraw(attempt)
                raise code_required(self._proofs.make(attempt.user))
            match = await self._second_factor(factor, code)
        await self._verify.forgive(attempt)
        async with self._transactions() as tx:
            user = await admitted(tx, attempt.user.id)
            await self._spend(tx, user.id, match)
            return await self._open_session.within(tx, user, address=address)

    async def _spend(self, tx: Transaction, user_id: str, match: Match | None) -> None:
        """With the session or not at all: a code that opened none is good for the next try."""
        if match is not None:
            await spend(tx, user_id, match, self._clock.now())
        elif await tx.second_factors.turned_on(user_id):
            # Since the password was checked; a session of now would go on without the second factor.
            raise code_required("")


def code_required(proof: str) -> Unauthenticated:
    """proof: stands for the password at the next try; empty for none."""
    return Unauthenticated(
        "a code of your authenticator app is needed, or a recovery code",
        reason="SECOND_FACTOR_REQUIRED",
        metadata={"password_proof": proof} if proof else None,
    )
