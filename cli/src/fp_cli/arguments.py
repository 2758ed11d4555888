"""Options that may stand anywhere in the line."""

from collections.abc import Iterator, Sequence
from typing import Final

# The options of `fp` itself; no command has one of the same name.
_ANYWHERE: Final = ("-o", "--output", "--address", "--timeout", "--context", "--ca-file")
_FLAGS: Final = ("--insecure",)


def helped(arguments: Sequence[str]) -> list[str]:
    """`fp help models list` as `fp models list --help`, which is what it is in other commands."""
    front, rest = list(arguments), []
    if "help" in arguments and all(each.startswith("-") for each in arguments[: arguments.index("help")]):
        place = arguments.index("help")
        front, rest = list(arguments[:place]), [*arguments[place + 1 :], "--help"]
    return front + rest


def hoisted(arguments: Sequence[str]) -> list[str]:
    """The same line with these options before the command, where the parser looks for them."""
    front: list[str] = []
    rest: list[str] = []
    left = iter(arguments)
    for argument in left:
        if argument == "--":
            rest += [argument, *left]
        elif argument in _ANYWHERE:
            # Without its value it stays where it is, and the parser says what is missing.
            front += [argument, *_next(left)]
        elif argument in _FLAGS or argument.startswith(tuple(f"{option}=" for option in _ANYWHERE[1:])):
            front.append(argument)
        else:
            rest.append(argument)
    return front + rest


def _next(left: Iterator[str]) -> list[str]:
    value = next(left, None)
    return [] if value is None else [value]
