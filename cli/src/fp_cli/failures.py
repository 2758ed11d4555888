"""Exit codes, and errors with a next step.

0 ok, 1 other, 2 usage, 3 unauthenticated, 4 denied, 5 not found, 6 invalid, precondition or exists, 7 unavailable,
8 deadline.
"""

import sys
from collections.abc import Callable
from typing import Final

from fp_kernel import Error, Kind

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
INTERRUPTED: Final = 130

_NEXT_STEPS: Final[dict[Kind, str]] = {
    Kind.UNAUTHENTICATED: "log in with `fp login`",
    Kind.PERMISSION_DENIED: "ask an admin of your team for the role that grants it; `fp whoami` shows yours",
    Kind.NOT_FOUND: "check the name with the `list` command of the same group",
    Kind.UNAVAILABLE: "see `fp status`; start the platform with `fp up`, or give --address",
    Kind.DEADLINE_EXCEEDED: "try again, or allow more time with --timeout",
    Kind.RESOURCE_EXHAUSTED: "wait a moment and try again",
    Kind.UNIMPLEMENTED: "this platform does not have it yet",
}


def reporting(command: Callable[[], object]) -> int:
    """Run and answer the exit code; errors go to stderr as one line, the bad fields and the next step."""
    try:
        command()
    except Error as error:
        report(error)
        return EXIT_CODES.get(error.kind, OTHER)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has seen enough.
        sys.stderr.close()
        return OTHER
    except SystemExit as end:
        return _code(end)
    return 0


def report(error: Error) -> None:
    sys.stderr.write(f"error: {error.message} ({error.kind.value.lower()})\n")
    for violation in error.fields:
        if violation.field not in error.message:
            sys.stderr.write(f"  {violation.field}: {violation.description}\n")
    if error.retry_after:
        sys.stderr.write(f"  try again in {error.retry_after:g} s\n")
    step = error.metadata.get("next_step") or _NEXT_STEPS.get(error.kind)
    if step:
        sys.stderr.write(f"  next: {step}\n")


def _code(end: SystemExit) -> int:
    if end.code is None:
        return 0
    return end.code if isinstance(end.code, int) else OTHER
