"""How many guesses a password takes, by zxcvbn: leaked passwords, words, names, dates and walks over the keyboard."""

from collections.abc import Sequence
from typing import Any, Final

from fp_auth.app.password_policy import PasswordPolicy

# Its time grows with the square of the length, and with every way to read signs as letters: 72 signs take seconds, and
# it holds the interpreter meanwhile. What is judged is a part, which takes no more guesses than the whole.
_JUDGED: Final = 24
_JUDGED_OF_SIGNS: Final = 10
_MOST_SIGNS: Final = 4
_LETTERS: Final = str.maketrans(
    {
        sign: letter
        for letter, signs in {
            "a": "4@",
            "b": "8",
            "c": "({[<",
            "e": "3",
            "g": "69&#",
            "i": "!|1",
            "o": "0",
            "s": "$5",
            "t": "+7",
            "x": "%",
            "z": "2",
        }.items()
        for sign in signs
    }
)
_SIGNS: Final = frozenset(map(chr, _LETTERS))


def zxcvbn(judged: str, words: Sequence[str]) -> Any:
    """The library's answer. It is imported here: most lives of a process judge no password, and it takes 3 MiB."""
    from zxcvbn_rs_py import zxcvbn as judge  # noqa: PLC0415

    return judge(judged, list(words))


def guesses(password: str, known: Sequence[str]) -> int:
    """`app.password_policy.Guesses`, within some 30 ms of the slowest password."""
    judged, words = password[:_JUDGED], [word[:_JUDGED] for word in known]
    if len(_SIGNS & set(judged)) <= _MOST_SIGNS:
        return int(zxcvbn(judged, words).guesses)
    # So many signs are read as letters here, in one way; as they are they are judged in a shorter part.
    first, second = judged.translate(_LETTERS), judged[:_JUDGED_OF_SIGNS]
    return int(min(zxcvbn(first, words).guesses, zxcvbn(second, words).guesses))


def password_policy() -> PasswordPolicy:
    return PasswordPolicy(guesses)
