"""Refusals that more than one use-case has, with their reason codes."""

from collections.abc import Iterable

from fp_kernel import (
    Aborted,
    AlreadyExists,
    FailedPrecondition,
    FieldViolation,
    NotFound,
    PermissionDenied,
    Principal,
)


def no_user() -> NotFound:
    """Also for a user of another team."""
    return NotFound("user_id: no such user", reason="USER_NOT_FOUND")


def address_taken() -> AlreadyExists:
    return AlreadyExists(
        "email: a user with this e-mail address exists",
        reason="EMAIL_TAKEN",
        fields=(FieldViolation("email", "is taken"),),
    )


def no_service_account(field: str) -> NotFound:
    """Also for a deleted one, and for one of another team."""
    return NotFound(f"{field}: no such service account", reason="SERVICE_ACCOUNT_NOT_FOUND")


def check_holds(caller: Principal, scopes: Iterable[str], field: str) -> None:
    """Nobody hands out, or takes away, what he does not have. Raises PermissionDenied naming `field`.

    A key that could only create users once made itself an admin by one of them.
    """
    missing = sorted(scope for scope in scopes if not caller.may(scope))
    if missing:
        raise PermissionDenied(f"{field}: needs {missing[0]}, which you do not have", reason="SCOPE_NOT_GRANTED")


def no_secret(name: str) -> NotFound:
    return NotFound(f"{name}: no such secret", reason="SECRET_NOT_FOUND")


def no_secret_version(name: str, number: int) -> NotFound:
    return NotFound(f"{name} has no version {number}", reason="SECRET_NOT_FOUND")


def secret_withheld(reference: str, status: str) -> FailedPrecondition:
    return FailedPrecondition(f"{reference}: the version is {status.lower()}", reason=f"SECRET_VERSION_{status}")


def unreadable_secret(name: str) -> FailedPrecondition:
    return FailedPrecondition(f"{name}: the key that encrypted it is not here", reason="SECRET_KEY_MISSING")


def secret_changed(name: str) -> Aborted:
    return Aborted(f"{name} has another version than expected_version", reason="SECRET_CHANGED")


def too_many_secrets(most: int) -> FailedPrecondition:
    return FailedPrecondition(f"a team has at most {most} secrets", reason="TOO_MANY_SECRETS")


def too_many_versions(most: int) -> FailedPrecondition:
    return FailedPrecondition(f"a secret has at most {most} versions with a value", reason="TOO_MANY_SECRET_VERSIONS")
