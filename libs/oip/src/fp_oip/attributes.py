"""Attributes of a prediction, which rules of a route may ask for, as a header."""

from collections.abc import Mapping
from typing import Final

from fp_kernel import invalid

HEADER: Final = "prediction-attributes"


def of_header(text: str) -> Mapping[str, str]:
    """From `plan=gold, country=NZ`, the value of the header. Raises InvalidArgument."""
    found: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, sign, value = part.partition("=")
        if not sign:
            raise invalid(HEADER, f"{part!r} is not name=value")
        if name.strip() in found:
            raise invalid(HEADER, f"{name.strip()!r} is there twice")
        found[name.strip()] = value.strip()
    return found
