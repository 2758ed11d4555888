"""Who calls, for which team, and what the call must see."""

from collections.abc import Sequence

from fp_kernel import Principal, invalid
from fp_rpc import current_call, principal
from fp_rpc.headers import POSITION, TEAM

from fp_registry.app.positions import Position, parse_positions


def caller() -> Principal:
    """Raises InvalidArgument for a service that does not say for which team it acts."""
    found = principal()
    if not found.team:
        raise invalid(TEAM, "must name the team for which the service acts")
    return found


def positions() -> Sequence[Position]:
    """The writes that this read must see. Raises InvalidArgument."""
    return parse_positions(current_call().metadata.get(POSITION, ""))
