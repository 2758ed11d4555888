"""How long the texts of runs and experiments may be."""

from collections.abc import Mapping

from fp_kernel import invalid
from fp_kernel.texts import check_line

MAX_NAME = 256
MAX_DESCRIPTION = 4_096
MAX_KEY = 250
MAX_VALUE = 6_000
MAX_TAGS = 32
MAX_TAG_KEY = 63
MAX_TAG_VALUE = 256
MAX_OUTSIDE_ID = 128


def check_tags(tags: Mapping[str, str], field: str) -> None:
    """Raises InvalidArgument naming `field` and the key."""
    if len(tags) > MAX_TAGS:
        raise invalid(field, f"at most {MAX_TAGS} tags")
    for key, value in tags.items():
        check_line(key, field, MAX_TAG_KEY, required=True)
        check_line(value, f"{field}[{key}]", MAX_TAG_VALUE)
