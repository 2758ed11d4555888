"""Who calls: notifications belong to people of a team."""

from fp_kernel import PermissionDenied, Principal, invalid
from fp_kernel.identity import JOB_ROLE
from fp_rpc import principal
from fp_rpc.headers import TEAM, USER

MANAGE = "notifications:write"


def member() -> Principal:
    """Raises InvalidArgument for a service that does not say for which team it acts, PermissionDenied for a job."""
    found = principal()
    if found.role == JOB_ROLE:
        raise PermissionDenied("a job has no notifications", reason="NOT_A_PERSON")
    if not found.team:
        raise invalid(TEAM, "must name the team for which the service acts")
    return found


def person() -> Principal:
    """Raises also InvalidArgument for a service that does not say for whom it acts."""
    found = member()
    if found.is_service and found.user_id == found.service:
        raise invalid(USER, "must name the user for whom the service acts")
    return found


def person_or_manager(rule_id: str) -> Principal:
    """rule_id: empty for what is the caller's own. Raises PermissionDenied for who may not manage rules."""
    if not rule_id:
        return person()
    found = member()
    if not found.may(MANAGE):
        raise PermissionDenied(f"{MANAGE} is required for rules", reason="PERMISSION_MISSING")
    return found
