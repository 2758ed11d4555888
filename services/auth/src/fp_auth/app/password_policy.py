"""Whether a password may be somebody's."""

from collections.abc import Sequence
from typing import Protocol

from fp_auth.domain.passwords import check_guesses, check_length, known_words


class Guesses(Protocol):
    def __call__(self, password: str, known: Sequence[str], /) -> int:
        """How many guesses somebody needs who knows these words of its owner, at least; in bounded time."""
        ...


class PasswordPolicy:
    def __init__(self, guesses: Guesses) -> None:
        self._guesses = guesses

    def check(self, password: str, *, email: str, name: str, team: str, field: str = "password") -> None:
        """email, name, team: of its owner. Raises InvalidArgument naming `field`; never repeats the password."""
        check_length(password, field)
        check_guesses(self._guesses(password, known_words(email, name, team)), field)
