"""API keys, resolved by auth and remembered for a short while."""

import hashlib
import re
from collections.abc import Awaitable, Callable
from typing import Final

from fp_kernel import Backoff, Clock, Loaded, LoadingCache, Principal, ResourceExhausted, SystemClock, Unauthenticated

from fp_rpc.identity.caller import AUDIENCE

# Prefix and 256 random bits in base64url; auth has never made anything else.
_FORM: Final = re.compile(r"fp_[A-Za-z0-9_-]{43}")
_INVALID: Final = "API_KEY_INVALID"
# The part of its time after which a key in use is asked about anew.
_FRESH: Final = 2 / 3
_BACKOFF: Final = Backoff(first=0.2, longest=2.0)
_BUSY_RETRY: Final = 1.0


class ApiKeyResolver:
    """Resolves API keys; stores digests, never the keys themselves.

    validate: asks auth, bounded in time; raises Unauthenticated.
    ttl: seconds that a resolved key is remembered, the longest that a lost revocation event can matter. A key in use is
    asked about anew when a third of them is left, beside the calls that come with it.
    refused_ttl: seconds that a key is remembered that auth does not know, so that a client that repeats calls with an
    old key does not reach auth each time.
    limit: keys of each kind that are remembered; the oldest goes first.
    waiting: callers that may wait for auth at once: a quarter of the calls that a server takes; the other places stay
    free for callers with tokens while auth does not answer.
    """

    def __init__(
        self,
        validate: Callable[[str], Awaitable[Principal]],
        ttl: float = 30.0,
        *,
        refused_ttl: float = 10.0,
        limit: int = 10_000,
        waiting: int = 500,
        clock: Clock | None = None,
    ) -> None:
        self._validate = validate
        self._ttl = ttl
        self._refused_ttl = refused_ttl
        self._limit = limit
        self._most_waiting = waiting
        self._waiting = 0
        self._clock = clock or SystemClock()
        self._known: LoadingCache[bytes, Principal] = LoadingCache(limit=limit, clock=self._clock, backoff=_BACKOFF)
        self._refused: dict[bytes, float] = {}
        self._drops = 0

    async def resolve(self, credential: str, *, audience: str = AUDIENCE) -> Principal:
        """Raises Unauthenticated for a key that is not valid, Unavailable when auth cannot be asked,
        ResourceExhausted when too many wait for auth already.
        """
        if audience != AUDIENCE or not _FORM.fullmatch(credential):
            raise _invalid()
        digest = hashlib.sha256(credential.encode()).digest()
        if self._clock.monotonic() < self._refused.get(digest, float("-inf")):
            raise _invalid()
        if self._known.peek(digest) is None:
            principal = await self._asked(credential, digest)
        else:
            principal = await self._known.get(digest, lambda: self._ask(credential, digest))
        if self._clock.now().timestamp() >= principal.expires_at:
            raise Unauthenticated("the API key has expired", reason="API_KEY_EXPIRED")
        return principal

    def drop(self, api_key_id: str) -> None:
        """Forget a key now: it was revoked or rotated. What auth refused is asked about again as well."""
        # An answer under way may be older than the revocation: it must not be remembered.
        self._drops += 1
        self._known.disown()
        self._refused.clear()
        self._known.drop_all(lambda principal: principal.api_key_id == api_key_id)

    def ask_again(self) -> None:
        """What auth refused is asked about again: a team or an owner is back."""
        self.drop("")

    async def close(self) -> None:
        """End what is being asked."""
        await self._known.close()

    async def _asked(self, credential: str, digest: bytes) -> Principal:
        if self._waiting >= self._most_waiting:
            raise ResourceExhausted(
                "too many calls wait for their API keys to be checked",
                reason="TOO_MANY_CALLS",
                retry_after=_BUSY_RETRY,
                metadata={"quota": "calls"},
            )
        self._waiting += 1
        try:
            return await self._known.get(digest, lambda: self._ask(credential, digest))
        finally:
            self._waiting -= 1

    async def _ask(self, credential: str, digest: bytes) -> Loaded[Principal]:
        drops = self._drops
        try:
            principal = await self._validate(credential)
        except Unauthenticated as refused:
            if drops == self._drops:
                # It may still be remembered as good: keys in use are asked about while they are served.
                self._known.drop(digest)
                if refused.reason == _INVALID:
                    self._refuse(digest)
            raise
        return Loaded(principal, fresh_for=self._ttl * _FRESH, good_for=self._ttl)

    def _refuse(self, digest: bytes) -> None:
        # Removed first, so that the dict stays ordered by time.
        self._refused.pop(digest, None)
        if len(self._refused) >= self._limit:
            del self._refused[next(iter(self._refused))]
        self._refused[digest] = self._clock.monotonic() + self._refused_ttl


def _invalid() -> Unauthenticated:
    return Unauthenticated("the API key is unknown, expired or revoked", reason=_INVALID)
