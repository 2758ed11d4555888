"""What a change expects of the object that it changes, so that nobody overwrites what he has not seen (ADR 0209)."""

from datetime import datetime
from typing import Final

from fp_kernel.errors import Aborted
from fp_kernel.times import microseconds

CHANGED: Final = "REVISION_CHANGED"
NOTHING: Final = 0
"""The revision of what is not there."""


def first_revision(made_at: datetime) -> int:
    """Of an object that requests name by a name which is free again once it is deleted: from 1, a change that expects
    what was deleted would pass on what was made in its place.
    """
    return max(microseconds(made_at), NOTHING + 1)


def check_revision(expected: int | None, present: int, *, changed_by: str = "") -> None:
    """To be called while nobody else can change the object. expected: None for whatever there is.

    changed_by: who brought it to its present revision; empty when that is not known.
    Raises Aborted, which says who that was.
    """
    if expected is None or expected == present:
        return
    by = f" by {changed_by}" if changed_by else ""
    if present == NOTHING:
        what = "is not there any more"
    else:
        what = f"was {'made' if expected == NOTHING else 'changed'} meanwhile{by}"
    facts = {"expected_revision": str(expected), "revision": str(present), "changed_by": changed_by}
    raise Aborted(
        f"it {what}: read it again before you change it",
        reason=CHANGED,
        metadata={name: value for name, value in facts.items() if value},
    )
