"""Refusals that more than one use-case has, with their reason codes."""

from collections.abc import Iterable

from fp_kernel import NotFound, PermissionDenied, Principal


def no_user() -> NotFound:
    """Also for a user of another team."""
    return NotFound("user_id: no such user", reason="USER_NOT_FOUND")


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
