"""Which passwords are taken: long ones that are not on every attacker's list."""

import re

from fp_kernel import invalid

from fp_auth.domain.common_passwords import EXACT, WORDS

MIN_LENGTH = 12
MAX_LENGTH = 512
"""argon2 reads all of it: a megabyte would be a way to keep the processor busy."""

_MIN_DISTINCT = 5
_RUNS = (
    "abcdefghijklmnopqrstuvwxyz" * 2,
    "0123456789" * 4,
    "qwertyuiopasdfghjklzxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
)
_LEET = str.maketrans("013457@$!", "oieastasi")
_ENDS = re.compile(r"^[^a-z]+|[^a-z]+$")
_NOT_LETTERS = re.compile(r"[^a-z]+")
_LONGEST_WORD = max(map(len, WORDS))


def check_password(password: str, *, email: str = "", field: str = "password") -> None:
    """Raises InvalidArgument naming `field`; the message never repeats the password."""
    if len(password) < MIN_LENGTH:
        raise invalid(field, f"must have at least {MIN_LENGTH} characters")
    if len(password) > MAX_LENGTH:
        raise invalid(field, f"must have at most {MAX_LENGTH} characters")
    if is_common(password) or (email and password.lower() == email.lower()):
        raise invalid(field, "is too common; take a few unrelated words")


def is_common(password: str) -> bool:
    lowered = password.lower()
    if (
        len(set(lowered)) < _MIN_DISTINCT
        or lowered in EXACT
        or any(lowered in run or lowered in run[::-1] for run in _RUNS)
    ):
        return True
    return _is_lengthened_word(lowered) or _is_lengthened_word(_ENDS.sub("", lowered).translate(_LEET))


def _is_lengthened_word(text: str) -> bool:
    """Whether only common words, or one of them again and again, are left without digits and signs.

    Different words with signs between them pass: that is how people make pass phrases.
    """
    parts = {part for part in _NOT_LETTERS.split(text) if part}
    return len(parts) == 1 and _is_made_of_words(parts.pop())


def _is_made_of_words(part: str) -> bool:
    """Whether `part` can be cut into common words: reachable[i] says that its first i letters can."""
    reachable = [True, *(False for _ in part)]
    for end in range(1, len(part) + 1):
        starts = range(max(0, end - _LONGEST_WORD), end)
        reachable[end] = any(reachable[start] and part[start:end] in WORDS for start in starts)
    return reachable[-1]
