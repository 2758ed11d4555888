"""Long files in calls of a bounded size."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from fp_kernel import Error
from google.protobuf.message import Message

M = TypeVar("M", bound=Message)

MOST_ROWS: Final = 1_000
# The platform takes messages of 16 MiB.
_MOST_BYTES: Final = 8 * 1024 * 1024
_PLACE: Final = re.compile(r"\b(?:features|labels)\[(\d+)\]")


def parts(items: Sequence[M]) -> Iterator[tuple[int, Sequence[M]]]:
    """Each part with the number of items before it; cut the same way every time, so that keys of parts stay theirs."""
    start = size = 0
    for place, item in enumerate(items):
        bytes_ = item.ByteSize()
        if place > start and (place - start == MOST_ROWS or size + bytes_ > _MOST_BYTES):
            yield start, items[start:place]
            start, size = place, 0
        size += bytes_
    if start < len(items):
        yield start, items[start:]


@contextmanager
def placing(done: int, places: Sequence[str], key: str) -> Iterator[None]:
    """The error of a part says where the item stands in the file, and how to go on without doing anything twice.

    done: items of the parts before. places: where each item of this part stands.
    """
    try:
        yield
    except Error as error:
        found = _PLACE.search(error.message)
        index = int(found[1]) if found else -1
        where = f"{places[index]}: " if 0 <= index < len(places) else ""
        raise type(error)(
            f"{where}{error.message}",
            reason=error.reason,
            fields=error.fields,
            retry_after=error.retry_after,
            metadata=_advice(done, key) | error.metadata,
        ) from None


def _advice(done: int, key: str) -> dict[str, Any]:
    if not done:
        return {}
    step = f"the first {done} are done; run it again with --idempotency-key {key}, and they are not done twice"
    return {"next_step": step}
