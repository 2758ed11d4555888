"""How the online view lies in Redis.

    fp:featurestore:{<team>:<view>}:seen            the copy that readers see
    fp:featurestore:{<team>:<view>}:building        the copy that a rebuild fills, while it is at work
    fp:featurestore:{<team>:<view>}:<copy>          up to which version the copy has the log
    fp:featurestore:{<team>:<view>}:<copy>:<entity> the newest values of one entity

A copy's name begins with the view's time to live in microseconds: with another one, values expired too soon or stay.
"""

from secrets import token_hex
from urllib.parse import quote

from fp_featurestore.domain.view import View, ViewHead

PREFIX = "fp:featurestore"
ANY = f"{PREFIX}:*"
SEEN = "seen"
BUILDING = "building"
# Of no view: there as long as the store keeps what it was given.
INTACT = "fp:featurestore-intact"


def of_view(view: View | ViewHead) -> str:
    return f"{PREFIX}:{{{quote(view.team, safe='')}:{view.id}}}"


def seen(prefix: str) -> str:
    return f"{prefix}:{SEEN}"


def building(prefix: str) -> str:
    return f"{prefix}:{BUILDING}"


def cursor(prefix: str, copy: str) -> str:
    return f"{prefix}:{copy}"


def entity(prefix: str, copy: str, entity_id: str) -> str:
    return f"{prefix}:{copy}:{entity_id}"


def new_copy(view: View) -> str:
    return f"{view.online_ttl}-{token_hex(6)}"


def ttl_of(copy: str) -> int:
    return int(copy.partition("-")[0])


def split(key: str) -> tuple[str, str]:
    """The view's prefix and the copy, `seen` or `building` that a key belongs to."""
    prefix, _, rest = key.partition("}:")
    return f"{prefix}}}", rest.partition(":")[0]
