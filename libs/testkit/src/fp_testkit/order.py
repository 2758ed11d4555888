"""The order of the files of a run.

Each worker of `make test` takes the next file as it is done with one. What takes minutes comes first: as the last file
it would run alone, while the other cores wait.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final, Protocol, TypeVar

# Processes die at each of their steps; a whole platform is started; services, stores, and plain functions.
_KINDS: Final = ("crash", "e2e", "component", "integration", "unit")
_CRASHES: Final = "kill_at"


class Test(Protocol):
    """What is used of a `pytest.Item`."""

    path: Path


Item = TypeVar("Item", bound=Test)


def by_kind(items: Iterable[Item]) -> list[Item]:
    """The same tests; those of a file stay together and in their order."""
    found = list(items)
    crashes = {item.path for item in found if _CRASHES in getattr(item, "fixturenames", ())}
    return sorted(found, key=lambda item: _KINDS.index("crash" if item.path in crashes else _kind(item.path)))


def _kind(path: Path) -> str:
    return next((part for part in path.parts[::-1] if part in _KINDS), "unit")
