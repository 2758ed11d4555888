"""Whose usage and plans a call may see and change."""

from fp_kernel import invalid
from fp_kernel.texts import check_line
from fp_rpc import caller, current_call

_LONGEST_TEAM = 128


def readable_team(requested: str) -> str:
    """The team whose data is read: an operator may name any; everybody else sees the own team, whatever is named.

    Raises InvalidArgument for a service that neither acts for a team nor names one.
    """
    call = current_call()
    team = _checked(requested) if requested and call.may_cross_team else call.team
    if not team:
        raise invalid("team", "must name a team")
    return team


def changed_team(requested: str) -> str:
    """The team that is changed. Raises PermissionDenied for another one than the own without the right to."""
    team = current_call().team_scope(_checked(requested))
    if not team:
        raise invalid("team", "must name a team")
    return team


def any_team_or_own() -> str:
    """What a read by id is bound to: the own team, or nothing (empty) for who may read every team's."""
    call = current_call()
    return "" if call.may_cross_team else caller().team


def _checked(team: str) -> str:
    check_line(team, "team", _LONGEST_TEAM)
    return team
