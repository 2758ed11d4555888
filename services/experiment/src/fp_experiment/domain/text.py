"""What texts runs and experiments accept."""

from collections.abc import Mapping

from fp_kernel import invalid

MAX_NAME = 256
MAX_DESCRIPTION = 4_096
MAX_KEY = 250
MAX_VALUE = 6_000
MAX_TAGS = 32
MAX_TAG_KEY = 63
MAX_TAG_VALUE = 256
MAX_OUTSIDE_ID = 128


def check_line(text: str, field: str, longest: int, *, required: bool = False) -> None:
    """A text of one line. Raises InvalidArgument naming `field`."""
    check_length(text, field, longest, required=required)
    if not text.isprintable() or text != text.strip():
        raise invalid(field, "must be one line without control characters and outer spaces")


def check_text(text: str, field: str, longest: int) -> None:
    """A text of any number of lines. Raises InvalidArgument naming `field`."""
    check_length(text, field, longest)
    if any(not (char.isprintable() or char in "\n\r\t") for char in text):
        raise invalid(field, "must not hold control characters")


def check_tags(tags: Mapping[str, str], field: str) -> None:
    """Raises InvalidArgument naming `field` and the key."""
    if len(tags) > MAX_TAGS:
        raise invalid(field, f"at most {MAX_TAGS} tags")
    for key, value in tags.items():
        check_line(key, field, MAX_TAG_KEY, required=True)
        check_line(value, f"{field}[{key}]", MAX_TAG_VALUE)


def check_length(text: str, field: str, longest: int, *, required: bool = False) -> None:
    """Raises InvalidArgument naming `field`."""
    if required and not text:
        raise invalid(field, "must not be empty")
    if len(text) > longest:
        raise invalid(field, f"has {len(text)} characters, at most {longest} are allowed")
