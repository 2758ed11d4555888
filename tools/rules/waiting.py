"""Tasks have an owner, nobody blocks the loop, and no cancellation gets lost."""

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass

from rules.tree import Tree, Violation, walked

TASK_RULE = "task without owner"
SLEEP_RULE = "blocking sleep"
WAIT_RULE = "wait that loses cancellations"
IMPATIENCE_RULE = "HTTP client of a test that gives up after five seconds"
BOUND_RULE = "wait of a test that a slow machine reaches the end of"

_OWNERS = frozenset({"fp_runtime", "fp_testkit"})
_TASK_CALLS = frozenset({"create_task", "ensure_future"})
# Of event loops, programs, threads and clients of the standard library, of httpx and of grpc.
_WAITING_CALLS = frozenset(
    {"timeout", "run", "communicate", "wait", "join", "result", "urlopen", "create_connection", "HTTPConnection"}
    | {"AsyncClient", "Client", "get", "post", "request", "check_output", "Check"}
)
_PATIENCE = 60  # that of fp_testkit.patience
_LOOPS = frozenset({"get_running_loop", "get_event_loop", "new_event_loop"})


def orphan_tasks(tree: Tree) -> Iterator[Violation]:
    """Tasks are started by a TaskGroup or by fp_runtime; `asyncio.create_task` forgets them."""
    for source in tree.sources():
        if source.ships and source.package not in _OWNERS:
            for line in _found(source.text).tasks:
                yield source.violation(line, TASK_RULE, "use a TaskGroup or runtime.task")


def blocking_sleeps(tree: Tree) -> Iterator[Violation]:
    """`time.sleep` stops every call of a process; in a thread of its own it holds up the stop."""
    for source in tree.sources():
        if source.ships:
            for line in _found(source.text).sleeps:
                yield source.violation(line, SLEEP_RULE, "use asyncio.sleep, or wait for an event")


def losing_waits(tree: Tree) -> Iterator[Violation]:
    """`asyncio.wait_for` of Python 3.11 loses a cancellation that comes together with the result (ADR 0019)."""
    for source in tree.sources():
        for line in _found(source.text).waits:
            yield source.violation(line, WAIT_RULE, "use asyncio.timeout")


def impatient_clients(tree: Tree) -> Iterator[Violation]:
    """By default httpx gives up after five seconds: on a busy machine that failed tests which had found nothing."""
    for source in tree.sources():
        if not source.ships:
            for line in _found(source.text).impatient:
                yield source.violation(line, IMPATIENCE_RULE, "pass timeout=PATIENCE of fp_testkit.patience")


def hasty_bounds(tree: Tree) -> Iterator[Violation]:
    """What should happen has PATIENCE to do so; a time that should run out is shorter than a second."""
    for source in tree.sources():
        if source.is_test and "proof" not in source.path.parts:
            for line in _found(source.text).hasty:
                yield source.violation(line, BOUND_RULE, "use PATIENCE of fp_testkit.patience")


@dataclass(frozen=True, slots=True)
class _Lines:
    tasks: tuple[int, ...]
    sleeps: tuple[int, ...]
    waits: tuple[int, ...]
    impatient: tuple[int, ...]
    hasty: tuple[int, ...]


@functools.lru_cache(maxsize=4_096)
def _found(text: str) -> _Lines:
    # By the text, because tests read nearly the same tree many times.
    nodes = [node for node in walked(text) if isinstance(node, ast.Call | ast.ImportFrom)]
    return _Lines(
        tasks=tuple(it.lineno for it in nodes if _starts_task(it) or _imports(it, "asyncio", _TASK_CALLS)),
        sleeps=tuple(
            it.lineno for it in nodes if _is_call(it, "time", "sleep") or _imports(it, "time", frozenset({"sleep"}))
        ),
        waits=tuple(
            it.lineno
            for it in nodes
            if _is_call(it, "asyncio", "wait_for") or _imports(it, "asyncio", frozenset({"wait_for"}))
        ),
        impatient=tuple(it.lineno for it in nodes if _is_impatient(it)),
        hasty=tuple(it.lineno for it in nodes if _is_hasty(it)),
    )


def _starts_task(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr not in _TASK_CALLS:
        return False
    owner = node.func.value
    if isinstance(owner, ast.Name):
        return owner.id in {"asyncio", "loop"}
    if isinstance(owner, ast.Attribute):
        return owner.attr.lstrip("_") == "loop"
    return isinstance(owner, ast.Call) and _name(owner.func) in _LOOPS


def _is_call(node: ast.AST, module: str, function: str) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == function
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == module
    )


def _is_impatient(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and (_is_call(node, "httpx", "AsyncClient") or _is_call(node, "httpx", "Client"))
        and all(keyword.arg != "timeout" for keyword in node.keywords)
    )


def _is_hasty(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or _name(node.func) not in _WAITING_CALLS:
        return False
    first = node.args[:1] if _is_call(node, "asyncio", "timeout") else []
    given = [*first, *(keyword.value for keyword in node.keywords if keyword.arg == "timeout")]
    numbers = [it.value for it in given if isinstance(it, ast.Constant) and isinstance(it.value, int | float)]
    return any(1 <= number < _PATIENCE for number in numbers)


def _imports(node: ast.AST, module: str, names: frozenset[str]) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == module and any(it.name in names for it in node.names)


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
