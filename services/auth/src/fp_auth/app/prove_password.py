"""The step between the right password and the code."""

from fp_kernel import Clock, Unauthenticated

from fp_auth.app.begin_sign_in import seal_text
from fp_auth.app.complete_sign_in import Unseal
from fp_auth.app.count_attempts import CountAttempts, subjects_of
from fp_auth.app.ports import Sealer, Users
from fp_auth.app.verify_password import Attempt
from fp_auth.domain.password_proofs import digest_of, proof_of, read_proof
from fp_auth.domain.users import User, parse_email

_SEALED_AS = "password proof"


class PasswordProofs:
    """Proofs are sealed, so that nobody makes one, and held by the client: any replica takes the second step."""

    def __init__(self, sealer: Sealer, unseal: Unseal, users: Users, attempts: CountAttempts, clock: Clock) -> None:
        self._sealer = sealer
        self._unseal = unseal
        self._users = users
        self._attempts = attempts
        self._clock = clock

    def make(self, user: User) -> str:
        return seal_text(self._sealer, proof_of(user.id, user.password_hash, self._clock.now()).dump(), _SEALED_AS)

    async def __call__(self, text: str, *, address: str) -> Attempt:
        """Counted like an attempt with the password. Raises Unauthenticated, ResourceExhausted."""
        proof = read_proof(self._unseal(text, _SEALED_AS))
        user = await self._users.find(proof.user_id)
        if (
            user is None
            or self._clock.now().timestamp() >= proof.ends
            or digest_of(user.password_hash) != proof.password
        ):
            raise over()
        subjects = subjects_of(parse_email(user.email), address)
        await self._attempts(subjects)
        return Attempt(user, subjects)


def over() -> Unauthenticated:
    return Unauthenticated("give your password again; too much time has passed", reason="PASSWORD_PROOF_OVER")
