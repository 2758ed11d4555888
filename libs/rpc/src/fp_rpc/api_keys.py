"""API keys, resolved by auth and remembered for a short while."""

from collections.abc import Awaitable, Callable

from fp_kernel import Clock, Principal


class ApiKeyResolver:
    """validate: asks auth; raises Unauthenticated. ttl: seconds a key is remembered. limit: keys remembered."""

    def __init__(
        self,
        validate: Callable[[str], Awaitable[Principal]],
        ttl: float = 30.0,
        *,
        limit: int = 10_000,
        clock: Clock | None = None,
    ) -> None:
        raise NotImplementedError

    async def resolve(self, credential: str) -> Principal:
        raise NotImplementedError

    def drop(self, api_key_id: str) -> None:
        """Forget a key now: it was revoked or rotated."""
        raise NotImplementedError
