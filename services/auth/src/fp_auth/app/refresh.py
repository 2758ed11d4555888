"""A refresh token for the next pair of tokens."""

from fp_kernel import Clock, Unauthenticated, invalid

from fp_auth.app.end_sessions import end_session
from fp_auth.app.ports import Transaction, Transactions
from fp_auth.app.session import Family, IssueTokens, Session, role_named
from fp_auth.domain.sessions import MAX_TOKEN, Verdict, judge, token_hash


class Refresh:
    def __init__(self, transactions: Transactions, issue: IssueTokens, clock: Clock) -> None:
        self._transactions = transactions
        self._issue = issue
        self._clock = clock

    async def __call__(self, refresh_token: str) -> Session:
        """The new access token says what the user's role is now.

        Raises InvalidArgument, or Unauthenticated for a token that is unknown, spent or over; a spent one ends its
        whole family, except in the grace of `domain.sessions`.
        """
        if not refresh_token or len(refresh_token) > MAX_TOKEN:
            raise invalid("refresh_token", "must be the token that Login or RefreshToken answered")
        async with self._transactions() as tx:
            outcome = await self._exchange(tx, token_hash(refresh_token))
        # Raised only after the commit: the end of a family must not be rolled back with the refusal.
        if isinstance(outcome, Unauthenticated):
            raise outcome
        return outcome

    async def _exchange(self, tx: Transaction, digest: bytes) -> Session | Unauthenticated:
        now = self._clock.now()
        token = await tx.sessions.lock(digest)
        verdict = judge(token, now, self._issue.grace) if token else Verdict.DEAD
        if token is None or verdict is Verdict.DEAD:
            return Unauthenticated("the session is over; log in again", reason="SESSION_OVER")
        if verdict is Verdict.REUSED:
            await end_session(tx, token.family_id, now, "reuse", token.user_id)
            return Unauthenticated("the refresh token was used before; log in again", reason="REFRESH_TOKEN_REUSED")
        user = await tx.users.hold(token.user_id)
        if user is None or not user.active:
            return Unauthenticated("the session is over; log in again", reason="SESSION_OVER")
        team = await tx.teams.hold(user.team)
        if team is not None and team.suspended_at is not None:
            # The session goes on when the team is resumed.
            return Unauthenticated("this team is suspended; ask who runs the platform", reason="TEAM_SUSPENDED")
        await tx.sessions.spend(digest, now)
        role = await role_named(tx.roles, user.role, user.team)
        family = Family(token.family_id, token.family_started, token.family_ends)
        return await self._issue(tx.sessions, user, role, family, now=now, predecessor=digest)
