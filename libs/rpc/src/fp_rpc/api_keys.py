"""API keys, resolved by auth and remembered for a short while."""

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from fp_kernel import Clock, Principal, SystemClock, Unauthenticated

# Prefix and 256 random bits in base64url; auth has never made anything else.
_FORM: Final = re.compile(r"fp_[A-Za-z0-9_-]{43}")
_INVALID: Final = "API_KEY_INVALID"


@dataclass(frozen=True, slots=True)
class _Known:
    principal: Principal
    until: float


class ApiKeyResolver:
    """Resolves API keys; keeps digests, never the keys themselves.

    validate: asks auth; raises Unauthenticated.
    ttl: seconds that a resolved key is remembered, the longest that a lost revocation event can matter.
    refused_ttl: seconds that a key is remembered that auth does not know, so that a client with an old key, which asks
    again and again, does not ask auth.
    limit: keys of each kind that are remembered; the oldest goes first.
    """

    def __init__(
        self,
        validate: Callable[[str], Awaitable[Principal]],
        ttl: float = 30.0,
        *,
        refused_ttl: float = 10.0,
        limit: int = 10_000,
        clock: Clock | None = None,
    ) -> None:
        self._validate = validate
        self._ttl = ttl
        self._refused_ttl = refused_ttl
        self._limit = limit
        self._clock = clock or SystemClock()
        self._known: dict[bytes, _Known] = {}
        self._refused: dict[bytes, float] = {}
        self._digests: dict[str, set[bytes]] = {}
        self._asking: dict[bytes, asyncio.Lock] = {}
        self._drops = 0

    async def resolve(self, credential: str) -> Principal:
        """Raises Unauthenticated for a key that is worth nothing, Unavailable when auth cannot be asked."""
        if not _FORM.fullmatch(credential):
            raise _invalid()
        digest = hashlib.sha256(credential.encode()).digest()
        principal = self._remembered(digest)
        if principal is not None:
            return principal
        # One question for many calls that come with the same key at once.
        lock = self._asking.setdefault(digest, asyncio.Lock())
        try:
            async with lock:
                return self._remembered(digest) or await self._ask(credential, digest)
        finally:
            if not lock.locked():
                self._asking.pop(digest, None)

    def drop(self, api_key_id: str) -> None:
        """Forget a key now: it was revoked or rotated. What auth refused is asked about again as well."""
        # An answer that is under way may have been given before the revocation: it must not be kept.
        self._drops += 1
        self._refused.clear()
        for digest in self._digests.pop(api_key_id, ()):
            self._known.pop(digest, None)

    def _remembered(self, digest: bytes) -> Principal | None:
        known = self._known.get(digest)
        if known is None:
            if self._clock.monotonic() < self._refused.get(digest, float("-inf")):
                raise _invalid()
            return None
        if self._clock.monotonic() >= known.until:
            self._forget(digest)
            return None
        if self._clock.now().timestamp() >= known.principal.expires_at:
            raise Unauthenticated("the API key has expired", reason="API_KEY_EXPIRED")
        return known.principal

    async def _ask(self, credential: str, digest: bytes) -> Principal:
        drops = self._drops
        try:
            principal = await self._validate(credential)
        except Unauthenticated as refused:
            if refused.reason == _INVALID and drops == self._drops:
                self._refuse(digest)
            raise
        if drops == self._drops:
            if len(self._known) >= self._limit:
                self._forget(next(iter(self._known)))
            self._known[digest] = _Known(principal, self._clock.monotonic() + self._ttl)
            self._digests.setdefault(principal.api_key_id, set()).add(digest)
        return principal

    def _refuse(self, digest: bytes) -> None:
        # Taken out first, so that the oldest is always the first.
        self._refused.pop(digest, None)
        if len(self._refused) >= self._limit:
            del self._refused[next(iter(self._refused))]
        self._refused[digest] = self._clock.monotonic() + self._refused_ttl

    def _forget(self, digest: bytes) -> None:
        known = self._known.pop(digest)
        digests = self._digests.get(known.principal.api_key_id, set())
        digests.discard(digest)
        if not digests:
            self._digests.pop(known.principal.api_key_id, None)


def _invalid() -> Unauthenticated:
    return Unauthenticated("the API key is unknown, expired or revoked", reason=_INVALID)
