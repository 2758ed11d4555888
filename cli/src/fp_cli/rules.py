"""Rules of a route: as people write them on a command line."""

from collections.abc import Sequence
from typing import Any

from fp_kernel import invalid


def matches(given: Sequence[str]) -> list[dict[str, Any]]:
    """What a rule asks for, of `NAME=VALUE`, `NAME=A|B` and `NAME^=PREFIX`. Raises InvalidArgument."""
    return [_match(text) for text in given]


def _match(text: str) -> dict[str, Any]:
    name, sign, value = text.partition("=")
    if not sign or not name.rstrip("^"):
        raise invalid("when", f"{text!r} is not name=value, name=one|another or name^=prefix")
    if name.endswith("^"):
        return {"attribute": name[:-1], "prefix": value}
    values = value.split("|")
    return {"attribute": name, "exact": value} if len(values) == 1 else {"attribute": name, "in": {"values": values}}


def said(rule: Any) -> str:
    """The same in reverse, for a table."""
    return " ".join(map(_said, rule["matches"]))


def _said(match: Any) -> str:
    if match.get("prefix"):
        return f"{match['attribute']}^={match['prefix']}"
    if match.get("in"):
        return f"{match['attribute']}={'|'.join(match['in']['values'])}"
    return f"{match['attribute']}={match.get('exact', '')}"
