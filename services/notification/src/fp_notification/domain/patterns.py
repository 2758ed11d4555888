"""Patterns of event types, as NATS writes them: `*` is one token, a last `>` is one or more."""

import re
from collections.abc import Iterable

from fp_kernel import invalid

_LONGEST = 200
_TOKEN = r"(?:[a-z0-9_-]+|\*)"  # noqa: S105 -- of a subject
_PATTERN = re.compile(rf"fp\.(?:{_TOKEN}\.)*(?:{_TOKEN}|>)")


def check_pattern(pattern: str, field: str) -> str:
    """Raises InvalidArgument naming `field`."""
    if len(pattern) > _LONGEST or not _PATTERN.fullmatch(pattern):
        raise invalid(field, "must be a pattern of event types, such as fp.models.> or fp.pipelines.*")
    return pattern


def matches(pattern: str, event_type: str) -> bool:
    wanted, given = pattern.split("."), event_type.split(".")
    for index, part in enumerate(wanted):
        if part == ">":
            return len(given) > index
        if index >= len(given) or part not in ("*", given[index]):
            return False
    return len(wanted) == len(given)


def matches_any(patterns: Iterable[str], event_type: str) -> bool:
    return any(matches(pattern, event_type) for pattern in patterns)


def meets(one: str, other: str) -> bool:
    """Whether an event type could match both."""
    left, right = one.split("."), other.split(".")
    for first, second in zip(left, right, strict=False):
        if ">" in (first, second):
            return True
        if first != second and "*" not in (first, second):
            return False
    return len(left) == len(right)


def as_regex(pattern: str) -> str:
    """The same as a regular expression, anchored."""
    parts = [re.escape(part) for part in pattern.split(".")]
    known = {r"\*": r"[^.]+", ">": r".+"}
    return "^" + r"\.".join(known.get(part, part) for part in parts) + "$"
