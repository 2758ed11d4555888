"""Files and standard input as text."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from fp_kernel import InvalidArgument, invalid

# The platform takes messages of 16 MiB; as JSON no such message is longer than this.
LARGEST: Final = 256 * 1024 * 1024


def text_of(file: Path, field: str = "file") -> str:
    """The whole file; `-` is standard input.

    Raises InvalidArgument naming `field` when it cannot be read, is no UTF-8 or is too large.
    """
    try:
        content = _bytes(file)
    except OSError as error:
        raise invalid(field, f"{file} cannot be read: {error.strerror}") from None
    if len(content) > LARGEST:
        raise invalid(field, f"{file} is larger than {LARGEST // 1024 // 1024} MiB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise invalid(field, f"{file} is not UTF-8 text: byte {error.start} is 0x{content[error.start]:02x}") from None


def lines_of(text: str) -> Iterator[tuple[int, str]]:
    """Those that are not blank, with their numbers. `splitlines` would cut at U+2028, which JSON has within texts."""
    return ((number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip())


def _bytes(file: Path) -> bytes:
    if str(file) == "-":
        return sys.stdin.buffer.read(LARGEST + 1)
    with file.open("rb") as content:
        return content.read(LARGEST + 1)


def password(variable: str, prompt: str, *, from_stdin: bool, confirm: bool = False) -> str:
    """From standard input, else the environment's `variable`, else a prompt.

    Raises InvalidArgument when there is nobody to ask.
    """
    import os

    import typer

    if from_stdin:
        line = sys.stdin.buffer.readline().rstrip(b"\r\n")
        try:
            given = line.decode()
        except UnicodeDecodeError:
            raise invalid("password", "is not UTF-8 text") from None
        if not given:
            raise invalid("password", "is empty on standard input")
        return given
    if given := os.environ.get(variable, ""):
        return given
    if not sys.stdin.isatty():
        raise InvalidArgument(
            "password: there is no terminal to ask for it",
            metadata={"next_step": f"give it by --password-stdin or {variable}"},
        )
    return str(typer.prompt(prompt, hide_input=True, confirmation_prompt=confirm))
