"""End a session."""

from dataclasses import dataclass

from fp_kernel import Clock, invalid

from fp_auth.app.ports import Transactions
from fp_auth.domain.sessions import MAX_TOKEN, token_hash


@dataclass(frozen=True, slots=True)
class Logout:
    transactions: Transactions
    clock: Clock

    async def __call__(self, refresh_token: str) -> None:
        """Ends the whole family; an unknown token is no error, so that the answer tells nothing.

        Raises InvalidArgument.
        """
        if not refresh_token or len(refresh_token) > MAX_TOKEN:
            raise invalid("refresh_token", "must be the token that Login or RefreshToken answered")
        async with self.transactions() as tx:
            token = await tx.sessions.lock(token_hash(refresh_token))
            if token is not None and token.ended_at is None:
                await tx.sessions.end(token.family_id, self.clock.now(), "logout")
