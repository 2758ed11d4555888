"""Bodies of the protocol: a JSON document, and behind it the bytes of tensors where their sizes say so."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
from fp_kernel import invalid

# How many bytes of the body are the document; without it all of them are.
LENGTH: Final = "inference-header-content-length"
BINARY_SIZE: Final = "binary_data_size"


def split(body: bytes, length: str | None) -> tuple[bytes, bytes]:
    """The document and the bytes behind it.

    length: the header as it came. Raises InvalidArgument naming it.
    """
    if length is None:
        return body, b""
    if not (length.isascii() and length.isdecimal() and len(length) <= len(str(len(body)))):
        raise invalid(LENGTH, "must be the number of bytes of the JSON document")
    end = int(length)
    if end > len(body):
        raise invalid(LENGTH, f"is {end}, the body has only {len(body)} bytes")
    return body[:end], body[end:]


def blobs(sizes: Sequence[tuple[str, Any]], rest: bytes) -> Mapping[str, bytes]:
    """The bytes of each tensor that has a size, by its field, in the order of the document.

    Raises InvalidArgument naming the size that does not fit, or the body when bytes are left over.
    """
    found: dict[str, bytes] = {}
    position = 0
    for field, size in sizes:
        if size is None:
            continue
        name = f"{field}.parameters.{BINARY_SIZE}"
        if type(size) is not int or size < 0:
            raise invalid(name, "must be a number of bytes")
        if position + size > len(rest):
            raise invalid(name, f"is {size}, the body has only {len(rest) - position} bytes left")
        found[field] = rest[position : position + size]
        position += size
    if position < len(rest):
        raise invalid("body", f"has {len(rest) - position} bytes that belong to no tensor")
    return found


def join(document: Mapping[str, Any], parts: Sequence[bytes]) -> tuple[bytes, Mapping[str, str], str]:
    """Body, headers and media type of an answer; parts: of the tensors that are sent as bytes."""
    head = orjson.dumps(document)
    if not parts:
        return head, {}, "application/json"
    return b"".join((head, *parts)), {LENGTH: str(len(head))}, "application/octet-stream"
