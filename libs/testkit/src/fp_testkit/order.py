"""The order of the files of a run, and which of them one worker runs.

Each worker of `make test` takes the next unit as it is done with one. What takes minutes comes first: as the last unit
it would run alone, while the other cores wait. The end-to-end tests share two platforms: more of them would cost
thirteen seconds of processor time each, and all tests on one would be the longest part of the run. Those that start
what they need are units of their own. The rules of the architecture are taken together: each worker would parse the
whole tree; and so are the tests of the flights: each worker would read a year of them, which takes seconds.
"""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Protocol, TypeVar

# A whole platform is started; processes die at each of their steps; the whole tree is read; services, stores, and plain
# functions.
_KINDS: Final = ("e2e", "crash", "architecture", "component", "integration", "unit")
_APART: Final = "tests/e2e/apart/"
_TOGETHER: Final = ("tests/e2e/test_cli", "tests/e2e/", "tests/architecture/", "examples/flights/tests/")
_CRASHES: Final = "kill_at"


class Test(Protocol):
    """What is used of a `pytest.Item`."""

    path: Path

    @property
    def nodeid(self) -> str: ...


Item = TypeVar("Item", bound=Test)


def by_kind(items: Iterable[Item]) -> list[Item]:
    """The same tests; those of a unit stay together, those of a file in their order.

    Of a kind, the units with the most tests come first: they take the longest.
    """
    found = list(items)
    crashes = {item.path for item in found if _CRASHES in getattr(item, "fixturenames", ())}
    sizes = Counter(unit(item.nodeid) for item in found)

    def place(item: Item) -> tuple[int, int, str]:
        kind = _KINDS.index("crash" if item.path in crashes else _kind(item.path))
        return kind, -sizes[unit(item.nodeid)], unit(item.nodeid)

    return sorted(found, key=place)


def unit(nodeid: str) -> str:
    """What the tests share that one worker runs one after the other: the file, or files that share something."""
    shared = () if nodeid.startswith(_APART) else _TOGETHER
    return next((files for files in shared if nodeid.startswith(files)), nodeid.partition("::")[0])


def _kind(path: Path) -> str:
    return next((part for part in path.parts[::-1] if part in _KINDS), "unit")
