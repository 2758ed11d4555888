"""Access tokens: RS256 JSON Web Tokens."""

from fp_kernel import Clock, Principal, SystemClock

from fp_rpc.jwks import JwksSource


class JwtResolver:
    """issuer: what the `iss` claim must be. Verified tokens are remembered until they expire."""

    def __init__(self, issuer: str, jwks: JwksSource, clock: Clock | None = None) -> None:
        self._issuer = issuer
        self._jwks = jwks
        self._clock = clock or SystemClock()

    async def resolve(self, credential: str) -> Principal:
        raise NotImplementedError
