"""Permissions `resource:action`; either half may be `*`, which never stands for the resource `platform`."""

import re
from collections.abc import Iterable

from fp_kernel import invalid
from fp_kernel.identity import PLATFORM, grants

ANY = "*"
RESOURCES = frozenset(
    (
        "models",
        "features",
        "experiments",
        "pipelines",
        "deployments",
        "predictions",
        "monitors",
        "billing",
        "notifications",
        "users",
        "api-keys",
        "audit",
        "prompts",
        "teams",
        "secrets",
        PLATFORM,
    )
)
ACTIONS = frozenset(("read", "write", "admin"))
MAX_SCOPES = 64
_PART = re.compile(r"[a-z][a-z-]{0,62}")


def parse_scopes(scopes: Iterable[str]) -> frozenset[str]:
    """The scopes of a request, each checked against the vocabulary.

    Raises InvalidArgument naming `scopes` or the element, for example `scopes[1]`.
    """
    listed = list(scopes)
    if not listed:
        raise invalid("scopes", "name at least one permission, for example models:read")
    if len(listed) > MAX_SCOPES:
        raise invalid("scopes", f"at most {MAX_SCOPES} permissions")
    for index, scope in enumerate(listed):
        if not _is_known(scope):
            raise invalid(f"scopes[{index}]", _wrong(scope))
    return frozenset(listed)


def _is_known(scope: str) -> bool:
    resource, colon, action = scope.partition(":")
    if not colon or (resource != ANY and resource not in RESOURCES):
        return False
    return action == ANY or action in ACTIONS or (action == "create" and resource in ("predictions", ANY))


def _wrong(scope: str) -> str:
    resource, colon, _ = scope.partition(":")
    if colon and (resource == ANY or resource in RESOURCES):
        return f"has no such action; {resource} has {', '.join(sorted(ACTIONS))}" + (
            " and create" if resource in ("predictions", ANY) else ""
        )
    return f"is no permission; use resource:action, with one of the resources {', '.join(sorted(RESOURCES))}"


def permission(resource: str, action: str) -> str:
    """`resource:action` of a question. Raises InvalidArgument naming `resource` or `action`.

    Unknown names are no error: nobody but an admin may do what does not exist yet.
    """
    for field, value in (("resource", resource), ("action", action)):
        if value != ANY and not _PART.fullmatch(value):
            raise invalid(field, "must be lower-case letters and dashes, or *")
    return f"{resource}:{action}"


def covers(granted: Iterable[str], wanted: str) -> bool:
    """Whether the granted scopes allow all that `wanted` allows."""
    return grants(frozenset(granted), wanted)


def intersection(left: Iterable[str], right: Iterable[str]) -> frozenset[str]:
    """What both sets of scopes allow, as scopes."""
    others = tuple(right)
    met = (_meet(one, other) for one in left for other in others)
    return frozenset(scope for scope in met if scope)


def _meet(one: str, other: str) -> str:
    resources, actions = zip(one.split(":", 1), other.split(":", 1), strict=True)
    if PLATFORM in resources and resources[0] != resources[1]:
        return ""
    resource, action = _meet_part(*resources), _meet_part(*actions)
    return f"{resource}:{action}" if resource and action else ""


def _meet_part(one: str, other: str) -> str:
    if other in (one, ANY):
        return one
    return other if one == ANY else ""
