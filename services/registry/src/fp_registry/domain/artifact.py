"""Where artifacts lie, and what is measured of them."""

import re
from dataclasses import dataclass

from fp_kernel import invalid
from fp_kernel.ensembles import Ensemble

_DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
_PREFIX = "sha256:"


@dataclass(frozen=True, slots=True)
class Measured:
    """digest: `sha256:<hex>` of the whole object.
    flaw: why no runtime could ever serve it, for people; empty when one may, or when nobody looked.
    ensemble: what it is when it is no model of its own.
    """

    digest: str
    size_bytes: int
    flaw: str = ""
    ensemble: Ensemble | None = None


def upload_key(version_id: str) -> str:
    """The object that a presigned PUT writes; whoever has the URL can write it again until it expires."""
    return f"uploads/{version_id}"


def content_key(digest: str) -> str:
    """The object with this content; only the registry writes it."""
    return f"sha256/{digest.removeprefix(_PREFIX)}"


def as_digest(value: str, field: str) -> str:
    """`sha256:<hex>` of a caller's digest, empty for none. Raises InvalidArgument naming `field`."""
    if not value:
        return ""
    found = _DIGEST.fullmatch(value.lower())
    if not found:
        raise invalid(field, "must be sha256: and 64 hexadecimal digits")
    return _PREFIX + found[1]
