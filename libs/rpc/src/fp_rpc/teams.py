"""The headers by which a service says for whom it acts."""

import string
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, unquote

from fp_kernel import PermissionDenied, Principal, invalid

from fp_rpc import headers

# gRPC headers are printable ASCII; team names are free text: what lies outside is escaped, and so is the escape.
_PLAIN: Final = string.ascii_letters + string.digits + string.punctuation.replace("%", "")
_LONGEST: Final = 1_024


def headers_of(team: str, user_id: str) -> list[tuple[str, str]]:
    """The headers of a service that acts for a team; none when there is no team."""
    if not team:
        return []
    pairs = [(headers.TEAM, quote(team, safe=_PLAIN))]
    if user_id:
        pairs.append((headers.USER, quote(user_id, safe=_PLAIN)))
    return pairs


def acting(principal: Principal, metadata: Mapping[str, str]) -> Principal:
    """The principal as the headers make it: the same one when there are none.

    Raises PermissionDenied when anyone but a service sends them, InvalidArgument for a user without a team.
    """
    if headers.TEAM not in metadata and headers.USER not in metadata:
        return principal
    if not principal.is_service:
        raise PermissionDenied("only services may act on behalf of others", reason="ON_BEHALF_OF")
    team = unquote(metadata.get(headers.TEAM, ""))
    user_id = unquote(metadata.get(headers.USER, ""))
    if not team or len(team) > _LONGEST or len(user_id) > _LONGEST:
        raise invalid(headers.TEAM, "must name the team that the service acts for")
    return principal.on_behalf_of(team, user_id)
