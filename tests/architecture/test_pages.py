"""The commands of `fp` that pages name exist, with their options."""

import re
import shlex
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from fp_cli.main import app
from rules import pages
from typer.main import get_command

# Made once: it looks at the signature of each command.
FP: Any = get_command(app)
_QUOTED = re.compile(r"`fp ([a-z][^`\n]*)`")
_LINE = re.compile(r"^fp ([a-z].+?)(?:\s+#.*)?$", re.MULTILINE)
_WORD = re.compile(r"[a-z][a-z-]*")


def commands(text: str) -> Iterator[list[str]]:
    """The words of each command; of a list such as `fp models list, get` those of its first one."""
    for line in [*_QUOTED.findall(text), *_LINE.findall(text)]:
        try:
            words = shlex.split(line.partition("|")[0].partition(",")[0])
        except ValueError:
            words = line.split()
        yield words


def unknown(words: Sequence[str]) -> str:
    """The first word that is no command, or no option of it; empty where all are known."""
    command = FP
    rest = list(words)
    while rest and hasattr(command, "commands") and _WORD.fullmatch(rest[0]):
        if rest[0] not in command.commands:
            return rest[0]
        command = command.commands[rest.pop(0)]
    options = {option for each in command.params for option in (*each.opts, *each.secondary_opts)} | {"-o", "--help"}
    given = [word.partition("=")[0] for word in rest if word.startswith("--") and word != "--"]
    return next((option for option in given if option not in options), "")


def test_the_commands_of_the_pages_exist(tree):
    named = [(page, words) for page in pages.listed(tree.root) for words in commands(page.read_text())]

    assert len(named) > 50
    assert [(str(page), words) for page, words in named if unknown(words)] == []


@pytest.mark.parametrize(("line", "wrong"), [("models sell x", "sell"), ("models list --colour", "--colour")])
def test_a_command_that_does_not_exist_is_found(line, wrong):
    (words,) = commands(f"`fp {line}`")

    assert unknown(words) == wrong
    assert unknown(["models", "list", "-o", "json"]) == ""
