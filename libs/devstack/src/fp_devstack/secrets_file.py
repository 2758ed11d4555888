"""Generated secrets, stored in the folder so that data made with them stays readable."""

import base64
import secrets
import string
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from fp_devstack.failures import StoreFailed
from fp_devstack.files import read_json, write_json

_BYTES = 32
_LETTERS = 48


class Secrets:
    """One private file of named secrets; each is generated at its first use and changes only when it is renewed.

    given: somebody else has made the file, and has others who have to know what is in it. Then one that is missing is
    StoreFailed.
    """

    def __init__(self, path: Path, *, given: bool = False) -> None:
        self._path = path
        self._given = given
        self._lock = threading.Lock()

    def token(self, name: str) -> str:
        """43 URL-safe characters, 256 bits."""
        return self._stored_or_new(name, lambda: secrets.token_urlsafe(_BYTES))

    def letters(self, name: str) -> str:
        """48 letters, 273 bits: a password that no policy takes for a word with signs in it."""
        return self._stored_or_new(name, lambda: "".join(secrets.choice(string.ascii_letters) for _ in range(_LETTERS)))

    def key(self, name: str) -> str:
        """32 random bytes in standard base64, for ciphers."""
        return self._stored_or_new(name, lambda: base64.b64encode(secrets.token_bytes(_BYTES)).decode())

    def renew(self, names: Iterable[str], *, announced: Iterable[str] = ()) -> None:
        """Other tokens in the place of these, in one step; those that nobody has used yet stay away.

        announced: theirs are kept beside the present ones, until `follow`.
        """
        with self._lock:
            stored = read_json(self._path)
            new = [name for name in names if name in stored] + [_next(name) for name in announced if name in stored]
            stored |= {name: secrets.token_urlsafe(_BYTES) for name in new}
            write_json(self._path, stored)

    def announced(self, name: str) -> str:
        """The token that is to take the place of the present one; empty without one."""
        with self._lock:
            return str(read_json(self._path).get(_next(name), ""))

    def follow(self, name: str) -> None:
        """What was announced is the present one."""
        with self._lock:
            stored = read_json(self._path)
            stored[name] = stored.pop(_next(name))
            write_json(self._path, stored)

    def _stored_or_new(self, name: str, generate: Callable[[], str]) -> str:
        with self._lock:
            stored = read_json(self._path)
            if name not in stored:
                if self._given:
                    raise StoreFailed(f"{name} is not among the secrets of {self._path}")
                stored[name] = generate()
                write_json(self._path, stored)
            return str(stored[name])


def _next(name: str) -> str:
    return f"{name}.next"
