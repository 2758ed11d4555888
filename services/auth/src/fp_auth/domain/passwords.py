"""Which passwords are taken: long ones that take many guesses, also for who knows their owner."""

import re
from collections.abc import Sequence

from fp_kernel import invalid

MIN_LENGTH = 12
MAX_LENGTH = 512
"""argon2 reads all of it: a megabyte would be a way to keep the processor busy."""
MIN_GUESSES = 10**9
"""Two common words are fewer, three words are more."""

_PLATFORM = ("forgepoint", "admin")
_NOT_A_WORD = re.compile(r"[\W_]+")


def check_length(password: str, field: str) -> None:
    """Raises InvalidArgument naming `field`."""
    if len(password) < MIN_LENGTH:
        raise invalid(field, f"must have at least {MIN_LENGTH} characters")
    if len(password) > MAX_LENGTH:
        raise invalid(field, f"must have at most {MAX_LENGTH} characters")


def check_guesses(guesses: int, field: str) -> None:
    """Raises InvalidArgument naming `field`; the message never repeats the password."""
    if guesses < MIN_GUESSES:
        raise invalid(field, "is too easy to guess; take a few unrelated words")


def known_words(email: str, name: str, team: str) -> Sequence[str]:
    """What everybody who knows a person tries first; the address as a whole, too."""
    texts = (email, name, team)
    words = {word for text in texts for word in (text, *_NOT_A_WORD.split(text)) if word}
    return sorted(word.lower() for word in words | set(_PLATFORM))
