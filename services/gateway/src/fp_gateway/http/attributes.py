"""Attributes of a prediction, which rules of a route may ask for, as a header."""

from collections.abc import Mapping
from typing import Final

from fp_kernel import invalid
from starlette.requests import Request

HEADER: Final = "prediction-attributes"


def of_header(request: Request) -> Mapping[str, str]:
    """From `prediction-attributes: plan=gold, country=NZ`. Raises InvalidArgument."""
    found: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in request.headers.get(HEADER, "").split(","))):
        name, sign, value = part.partition("=")
        if not sign:
            raise invalid(HEADER, f"{part!r} is not name=value")
        if name.strip() in found:
            raise invalid(HEADER, f"{name.strip()!r} is there twice")
        found[name.strip()] = value.strip()
    return found


def merged(header: Mapping[str, str], body: object, field: str) -> Mapping[str, str]:
    """Those of the body go before those of the header. Raises InvalidArgument naming the field."""
    if body is None:
        return header
    if not isinstance(body, dict) or not all(isinstance(value, str) for value in body.values()):
        raise invalid(field, "must be an object of strings")
    return {**header, **body}
