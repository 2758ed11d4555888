"""Commands whose request or answer holds a secret, stored so that the database alone shows nothing.

The log of commands stores a digest of the request and the whole answer for a day. A plain digest of a password is a
way around argon2, and an answer with a raw API key would be that key at rest: the digest is keyed, the answer sealed.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from fp_kernel import Command, Principal, Replayed

from fp_auth.app.ports import Fingerprint, Sealer


class SecretCommands:
    def __init__(self, sealer: Sealer, fingerprint: Fingerprint) -> None:
        self._sealer = sealer
        self._fingerprint = fingerprint

    def guarded(self, command: Command, caller: Principal) -> Command:
        """The same command; what is stored of it is keyed and sealed, and answered again to the same caller only.

        A colleague who chose the same idempotency key for the same body must not be shown a key that is not his.
        """
        whose = f"{caller.user_id}\n{caller.api_key_id}\n{command.key}"
        key = hashlib.sha256(whose.encode()).hexdigest() if command.key else ""
        guarded = replace(command, key=key, fingerprint=self._fingerprint(command.fingerprint))

        def sealed(result: Any) -> bytes:
            return self._sealer.seal(command.encode(result), _name(guarded))

        return replace(guarded, encode=sealed)

    @contextmanager
    def opened(self, command: Command) -> Iterator[None]:
        """A Replayed that is raised inside comes out with the answer in the clear."""
        try:
            yield
        except Replayed as replayed:
            raise Replayed(self._sealer.open(replayed.response, _name(command))) from None


def _name(command: Command) -> str:
    return f"{command.team}\n{command.rpc}\n{command.key}"
