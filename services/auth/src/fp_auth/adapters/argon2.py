"""Passwords hashed by argon2id."""

import asyncio
import secrets
import unicodedata
from concurrent.futures import ThreadPoolExecutor

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from fp_auth.adapters.turns import Turns

OWASP = argon2.Parameters(
    type=argon2.Type.ID,
    version=19,
    salt_len=16,
    hash_len=32,
    time_cost=2,
    memory_cost=19 * 1024,
    parallelism=1,
)
"""19 MiB, two passes: of those that OWASP's Password Storage Cheat Sheet holds for equally strong the second, and the
cheapest: 28 ms of CPU where 46 MiB and one pass take 76, most of them to get the memory. Anybody may make the server
spend both.
"""


class Argon2Hasher:
    """Works in one thread, so one at a time: each takes its memory and a whole processor for a while.

    Anybody may ask for one: two at once took 128 MiB, and both processors of a small machine from everybody who is
    logged in. A thousand from one address made nine of twelve others wait for longer than their calls lasted.
    """

    def __init__(self, parameters: argon2.Parameters = OWASP) -> None:
        self._hasher = argon2.PasswordHasher.from_parameters(parameters)
        self._turns = Turns()
        # One of its own: a caller who goes away gives up his turn at once, but a hash that has begun ends later.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="argon2")
        # An unknown user is checked against a real hash of the same cost.
        self._placeholder = self._hasher.hash(secrets.token_urlsafe())

    async def hash(self, password: str) -> str:
        async with self._turns.enter(""):
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, self._hasher.hash, _typed(password))

    async def verify(self, password_hash: str | None, password: str, *, whose: str = "") -> bool:
        async with self._turns.enter(whose):
            loop, known = asyncio.get_running_loop(), password_hash or self._placeholder
            right = await loop.run_in_executor(self._thread, self._verify, known, _typed(password))
        # Neither a user who is unknown nor one without a password has any that is right.
        return right and bool(password_hash)

    def outdated(self, password_hash: str) -> bool:
        return self._hasher.check_needs_rehash(password_hash)

    def _verify(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False


def _typed(password: str) -> str:
    """Keyboards write the same letter in different ways (NIST SP 800-63B, 5.1.1.2)."""
    return unicodedata.normalize("NFKC", password)
