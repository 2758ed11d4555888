"""An e-mail address and a password for a session."""

from fp_auth.app.session import OpenSession, Session
from fp_auth.app.verify_password import VerifyPassword


class Login:
    def __init__(self, verify: VerifyPassword, open_session: OpenSession) -> None:
        self._verify = verify
        self._open_session = open_session

    async def __call__(self, email: str, password: str, *, address: str) -> Session:
        """address: where the client is, as text; empty when nobody knows.

        Raises InvalidArgument, Unauthenticated, ResourceExhausted while the address must wait, for this account or for
        every one, and PermissionDenied for an account that is disabled.
        """
        attempt = await self._verify(email, password, address=address)
        await self._verify.forgive(attempt)
        return await self._open_session(attempt.user, address=address)
