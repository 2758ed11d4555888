"""End a session."""

from fp_kernel import Clock, invalid

from fp_auth.app.end_sessions import end_session
from fp_auth.app.ports import Transactions
from fp_auth.domain.sessions import MAX_TOKEN, token_hash


class Logout:
    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(self, refresh_token: str) -> None:
        """Ends the whole family and its access tokens.

        An unknown token is no error, so that the answer does not show which tokens exist.

        Raises InvalidArgument.
        """
        if not refresh_token or len(refresh_token) > MAX_TOKEN:
            raise invalid("refresh_token", "must be the token that Login or RefreshToken answered")
        async with self._transactions() as tx:
            token = await tx.sessions.lock(token_hash(refresh_token))
            if token is not None and token.ended_at is None:
                await end_session(tx, token.family_id, self._clock.now(), "logout", token.user_id)
