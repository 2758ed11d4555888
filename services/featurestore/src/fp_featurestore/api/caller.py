"""Who calls, and for which team."""

from fp_kernel import Principal, invalid
from fp_rpc import principal
from fp_rpc.headers import TEAM


def caller() -> Principal:
    """Raises InvalidArgument for a service that does not say for which team it acts."""
    found = principal()
    if not found.team:
        raise invalid(TEAM, "must name the team for which the service acts")
    return found
