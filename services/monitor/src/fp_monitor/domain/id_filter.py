"""Which request ids a file may have: a Bloom filter of blocks, of which a question needs one (ADR 0243)."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

from fp_monitor.domain.arrays import np

IdFilter = bytes

BLOCK = 32
# One of several hundred files that do not have an id is read for it.
_BITS_AN_ID = 16
_PLACE = 4
_MARKS = 8
_BITS_A_BYTE = 8


@dataclass(frozen=True, slots=True)
class IdMarks:
    """place: of the block among all, as a share of 2**32. bits: of the block, all of which are set for the id."""

    place: int
    bits: tuple[int, ...]

    def may_be_in(self, ids: IdFilter) -> bool:
        start = (self.place * (len(ids) // BLOCK) >> 32) * BLOCK
        return all(ids[start + bit // _BITS_A_BYTE] >> bit % _BITS_A_BYTE & 1 for bit in self.bits)


def marks(request_id: str) -> IdMarks:
    digest = _digest(request_id)
    return IdMarks(int.from_bytes(digest[:_PLACE], "big"), tuple(digest[_PLACE:]))


def id_filter(request_ids: Sequence[str]) -> IdFilter:
    """Of a file with these predictions."""
    blocks = max(1, -(-len(request_ids) * _BITS_AN_ID // (BLOCK * _BITS_A_BYTE)))
    digests = np.frombuffer(b"".join(map(_digest, request_ids)), np.uint8).reshape(-1, _PLACE + _MARKS)
    places = digests[:, :_PLACE].copy().view(">u4").astype(np.uint64)
    starts = (places * np.uint64(blocks) >> np.uint64(32)) * np.uint64(BLOCK)
    found = np.zeros(blocks * BLOCK, np.uint8)
    bits = digests[:, _PLACE:]
    np.bitwise_or.at(found, starts + bits // _BITS_A_BYTE, np.left_shift(np.uint8(1), bits % _BITS_A_BYTE))
    return found.tobytes()


def _digest(request_id: str) -> bytes:
    return blake2b(request_id.encode(), digest_size=_PLACE + _MARKS).digest()
