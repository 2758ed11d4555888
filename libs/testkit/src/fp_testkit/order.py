"""The order of the files of a run, and which of them one worker runs.

Each worker of `make test` takes the next file as it is done with one. What takes minutes comes first: as the last file
it would run alone, while the other cores wait. The end-to-end tests are taken together: each worker that took some of
them would start a platform of its own, thirteen seconds of processor time. So are the rules of the architecture: each
worker would parse the whole tree.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final, Protocol, TypeVar

# A whole platform is started; processes die at each of their steps; the whole tree is read; services, stores, and plain
# functions.
_KINDS: Final = ("e2e", "crash", "architecture", "component", "integration", "unit")
_TOGETHER: Final = ("tests/e2e/", "tests/architecture/")
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


def unit(nodeid: str) -> str:
    """What the tests share that one worker runs one after the other: the file, or a folder that shares something."""
    return next((folder for folder in _TOGETHER if nodeid.startswith(folder)), nodeid.partition("::")[0])


def _kind(path: Path) -> str:
    return next((part for part in path.parts[::-1] if part in _KINDS), "unit")
