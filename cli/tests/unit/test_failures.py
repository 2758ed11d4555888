import pytest
from fp_cli import failures
from fp_kernel import (
    AlreadyExists,
    DeadlineExceeded,
    FailedPrecondition,
    Internal,
    NotFound,
    PermissionDenied,
    Unauthenticated,
    Unavailable,
    invalid,
)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Internal("x"), 1),
        (Unauthenticated("x"), 3),
        (PermissionDenied("x"), 4),
        (NotFound("x"), 5),
        (invalid("name", "is empty"), 6),
        (FailedPrecondition("x"), 6),
        (AlreadyExists("x"), 6),
        (Unavailable("x"), 7),
        (DeadlineExceeded("x"), 8),
    ],
)
def test_each_kind_has_its_exit_code(error, code, capsys):
    def command():
        raise error

    assert failures.reporting(command) == code
    assert "error:" in capsys.readouterr().err


def test_success_is_zero_and_an_exit_is_itself():
    def leave():
        raise SystemExit(2)

    assert failures.reporting(lambda: None) == 0
    assert failures.reporting(leave) == 2


def test_an_error_names_its_field_and_the_next_step(capsys):
    failures.report(Unauthenticated("you are not logged in"))
    failures.report(invalid("inputs[x].data", "is too short"))

    printed = capsys.readouterr().err
    assert "fp login" in printed
    assert "inputs[x].data" in printed


def test_what_is_no_id_is_answered_with_where_ids_are_shown():
    assert "ID column" in failures.next_step(invalid("execution_id", "must be a UUID"))
    assert "ID column" not in failures.next_step(invalid("name", "is empty"))
