"""Tests get their time, and none is decided by how quick a machine is."""

import ast
import functools
from collections.abc import Iterator

from rules.tree import Source, Tree, Violation, walked

WALL_RULE = "wall clock in a test"
PRESENT_RULE = "wall clock in what ships"
SPEED_RULE = "stopwatch in a test"

# The one place that may: see its docstring.
_PLACE = "libs/testkit/src/fp_testkit/wallclock.py"
_CLOCK_PLACE = "libs/kernel/src/fp_kernel/clock.py"
_DATES = frozenset({"datetime", "date"})
_PRESENT = frozenset({"now", "utcnow", "today"})
_WALL = frozenset({"time", "time_ns", "localtime", "gmtime", "ctime", "asctime", "strftime"})
_SPEED = frozenset({"monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time"})
_LOOPS = frozenset({"get_running_loop", "get_event_loop"})
_PROTO_PRESENT = "GetCurrentTime"
_CLOCK = "SystemClock"


def wall_clocks(tree: Tree) -> Iterator[Violation]:
    """A test that reads the date fails on some of them; time comes from `fp_testkit.wallclock` or a clock."""
    for source in tree.sources():
        if (source.is_test or source.package == "fp_testkit") and str(source.path) != _PLACE:
            for line, name in _readings(source.text)[0]:
                yield source.violation(line, WALL_RULE, f"{name}: use fp_testkit.wallclock or a clock", name)


def presents(tree: Tree) -> Iterator[Violation]:
    """What ships is given its time: `Runtime.clock`, or the `Clock` of whoever calls.

    A service that read the machine's beside it would decide by two days at once, and its tests would pass until the
    end of a month. Record times, ages of files and clocks of other programs are exemptions, each with its reason.
    """
    for source in tree.sources():
        if source.ships and source.package != "fp_testkit" and str(source.path) != _CLOCK_PLACE:
            for line, name in _readings(source.text)[0]:
                # Libraries take the system's clock where none is given; a service has its own.
                if not name.endswith(_CLOCK) or source.path.parts[0] == "services":
                    yield source.violation(line, PRESENT_RULE, f"{name}: take the time from a Clock", name)


def stopwatches(tree: Tree) -> Iterator[Violation]:
    """A test that measures fails on a slow machine; tests/proof and bench measure, and print their figures."""
    for source in tree.sources():
        if source.is_test and not _measures(source):
            for line, name in _readings(source.text)[1]:
                yield source.violation(line, SPEED_RULE, f"{name}: wait for a condition, measure in tests/proof", name)


def _measures(source: Source) -> bool:
    return source.path.parts[:2] == ("tests", "proof")


_Found = tuple[tuple[int, str], ...]


@functools.lru_cache(maxsize=4_096)
def _readings(text: str) -> tuple[_Found, _Found]:
    """Line and name of what reads the wall, and of what measures. By the text: many trees are nearly the same."""
    wall: list[tuple[int, str]] = []
    speed: list[tuple[int, str]] = []
    for node in walked(text):
        if isinstance(node, ast.ImportFrom):
            names = {alias.name for alias in node.names}
            wall += [(node.lineno, name) for name in names if _imports_wall(node.module, name)]
            speed += [(node.lineno, name) for name in names & _SPEED if node.module == "time"]
        elif isinstance(node, ast.Attribute):
            owner = _name(node.value)
            if _is_wall(owner, node.attr):
                wall.append((node.lineno, f"{owner}.{node.attr}"))
            elif (owner == "time" and node.attr in _SPEED) or (owner in _LOOPS and node.attr == "time"):
                speed.append((node.lineno, f"{owner}.{node.attr}"))
    return tuple(wall), tuple(speed)


def _imports_wall(module: str | None, name: str) -> bool:
    return (module == "time" and name in _WALL) or (module == "fp_kernel" and name == _CLOCK)


def _is_wall(owner: str, name: str) -> bool:
    present = owner in _DATES and name in _PRESENT
    return present or (owner == "time" and name in _WALL) or name in {_PROTO_PRESENT, _CLOCK}


def _name(node: ast.expr) -> str:
    """The last name of `a.b` and of a call `a.b()`."""
    if isinstance(node, ast.Call):
        return _name(node.func)
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
