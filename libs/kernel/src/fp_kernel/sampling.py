"""A share of what has ids, the same one everywhere and always: it follows from the ids."""

import zlib

WHOLE = 10_000
"""Basis points of all."""


def sampled(identity: str, basis_points: int) -> bool:
    """Whether this one is in the share. Who is in a smaller share is in each larger one."""
    return zlib.crc32(identity.encode()) % WHOLE < basis_points
