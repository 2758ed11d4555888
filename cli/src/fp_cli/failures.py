"""Exit codes, and errors with a next step.

0 ok, 1 other, 2 usage, 3 unauthenticated, 4 denied, 5 not found, 6 invalid, precondition or exists, 7 unavailable,
8 deadline.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from fp_kernel import Error, Internal, InvalidArgument, Kind

from fp_cli.cells import printable

EXIT_CODES: Final[dict[Kind, int]] = {
    Kind.UNAUTHENTICATED: 3,
    Kind.PERMISSION_DENIED: 4,
    Kind.NOT_FOUND: 5,
    Kind.INVALID_ARGUMENT: 6,
    Kind.FAILED_PRECONDITION: 6,
    Kind.ALREADY_EXISTS: 6,
    Kind.OUT_OF_RANGE: 6,
    Kind.ABORTED: 7,
    Kind.UNAVAILABLE: 7,
    Kind.RESOURCE_EXHAUSTED: 7,
    Kind.DEADLINE_EXCEEDED: 8,
}
OTHER: Final = 1
INVALID: Final = 6
INTERRUPTED: Final = 130

NEXT_STEPS: Final[dict[Kind, str]] = {
    Kind.UNAUTHENTICATED: "log in with `fp login`",
    Kind.PERMISSION_DENIED: "ask an admin of your team for the role that grants it; `fp whoami` shows yours",
    Kind.NOT_FOUND: "check the name with the `list` command of the same group",
    Kind.INVALID_ARGUMENT: "correct it; `--help` after the command says what it takes",
    Kind.OUT_OF_RANGE: "correct it; `--help` after the command says what it takes",
    Kind.FAILED_PRECONDITION: "look at its present state with `list`, `get` or `status`",
    Kind.ALREADY_EXISTS: "choose another name, or look at what is there with `list`",
    Kind.ABORTED: "try again",
    Kind.CANCELLED: "try again",
    Kind.UNAVAILABLE: "see `fp status`; start the platform with `fp up`, or give --address",
    Kind.DEADLINE_EXCEEDED: "try again, or allow more time with --timeout",
    Kind.RESOURCE_EXHAUSTED: "wait a moment and try again",
    Kind.UNIMPLEMENTED: "this platform does not have it yet",
    Kind.INTERNAL: "try again; `fp logs NAME` of the service says more",
}
_TOO_LARGE: Final = "MESSAGE_TOO_LARGE"
# What the platform says of an id that is none.
_NO_ID: Final = "must be a UUID"


def reporting(command: Callable[[], object]) -> int:
    """Run and answer the exit code; errors go to stderr as one line, the bad fields and the next step."""
    try:
        _run(command)
    except SystemExit as end:
        return _code(end)
    except BaseException as raised:  # noqa: BLE001 -- each has its exit code; what has none is raised again
        return _outcome(_first(raised))
    return 0


def _run(command: Callable[[], object]) -> None:
    try:
        command()
    finally:
        # Here, because a reader that has gone is noticed only when the rest is written.
        sys.stdout.flush()


def _first(raised: BaseException) -> BaseException:
    """What happened first in a group of tasks; the others ended because of it."""
    while isinstance(raised, BaseExceptionGroup):
        raised = raised.exceptions[0]
    return raised


def _outcome(raised: BaseException) -> int:
    if isinstance(raised, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(raised, BrokenPipeError):
        # The reader of our output has seen enough; the interpreter must not flush into the void.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OTHER
    if isinstance(raised, Error):
        return report(raised)
    if not isinstance(raised, Exception) or os.environ.get("FP_DEBUG"):
        raise raised
    return report(_unforeseen(raised))


def report(error: Error) -> int:
    """Print it on stderr; returns the exit code."""
    sys.stderr.write(f"error: {printable(error.message)} ({error.kind.value.lower()})\n")
    for violation in error.fields:
        if violation.field not in error.message:
            sys.stderr.write(f"  {printable(violation.field)}: {printable(violation.description)}\n")
    if error.retry_after:
        sys.stderr.write(f"  try again in {error.retry_after:g} s\n")
    sys.stderr.write(f"  next: {next_step(error)}\n")
    return INVALID if error.reason == _TOO_LARGE else EXIT_CODES.get(error.kind, OTHER)


@contextmanager
def advising(kind: Kind, step: str) -> Iterator[None]:
    """The next step after an error of this kind, where the command knows a better one than the kind's own."""
    try:
        yield
    except Error as error:
        if error.kind is kind:
            error.metadata.setdefault("next_step", step)
        raise


def next_step(error: Error) -> str:
    if step := error.metadata.get("next_step"):
        return step
    if error.reason == _TOO_LARGE:
        return "send fewer rows at a time"
    if error.kind is Kind.UNAUTHENTICATED and os.environ.get("FP_API_KEY"):
        return "FP_API_KEY is set and stands for a login: give a valid key, or unset it"
    if any(each.description == _NO_ID for each in error.fields):
        return "take it from the ID column of the `list` command of the same group"
    return NEXT_STEPS[error.kind]


def _unforeseen(error: Exception) -> Error:
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return InvalidArgument(
            f"{where}{error.strerror}", metadata={"next_step": "check that it is there, is yours, and has room"}
        )
    step = "run it again with FP_DEBUG=1 to see where, and report it"
    return Internal(f"{type(error).__name__}: {error}", metadata={"next_step": step})


def _code(end: SystemExit) -> int:
    if end.code is None:
        return 0
    return end.code if isinstance(end.code, int) else OTHER
