"""Attributes of a prediction by the header and by the body of a request."""

from collections.abc import Mapping

from fp_kernel import invalid


def merged(header: Mapping[str, str], body: object, field: str) -> Mapping[str, str]:
    """Those of the body go before those of the header. Raises InvalidArgument naming the field."""
    if body is None:
        return header
    if not isinstance(body, dict) or not all(isinstance(value, str) for value in body.values()):
        raise invalid(field, "must be an object of strings")
    return {**header, **body}
