"""One row of `fp doctor`."""

from dataclasses import dataclass

from fp_kernel import Error

from fp_cli.failures import next_step

OK, WARN, FAIL = "ok", "warn", "fail"


@dataclass(frozen=True, slots=True)
class Row:
    check: str
    result: str
    detail: str
    todo: str = ""


def failing(check: str, error: Error) -> Row:
    return Row(check, FAIL, error.message, next_step(error))
