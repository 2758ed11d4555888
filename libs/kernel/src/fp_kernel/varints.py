"""Numbers and lengths as Protobuf writes them, for messages that are put together of ready pieces."""

_SEVEN_BITS = 0x7F
_MORE = 0x80


def varint(number: int) -> bytes:
    """number: not negative."""
    written = bytearray()
    while number > _SEVEN_BITS:
        written.append(number & _SEVEN_BITS | _MORE)
        number >>= 7
    written.append(number)
    return bytes(written)


def delimited(tag: bytes, body: bytes) -> bytes:
    """A field of bytes, text or a message."""
    return tag + varint(len(body)) + body
