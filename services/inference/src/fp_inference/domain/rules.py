"""Rules that send some requests to versions of their own, and the version that gets copies: what someone has set."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from fp_inference.domain.shares import Share

MOST_RULES: Final = 32
MOST_MATCHES: Final = 8
MOST_VALUES: Final = 64
MOST_BYTES: Final = 65_536
"""Of all names and values of a route's rules."""


@dataclass(frozen=True, slots=True)
class Match:
    """What an attribute of a request has to be: one of the values, or begin with the prefix when there is one."""

    attribute: str
    values: frozenset[str] = frozenset()
    prefix: str = ""

    def holds(self, attributes: Mapping[str, str]) -> bool:
        """An attribute that is missing meets nothing, not even the empty value."""
        value = attributes.get(self.attribute)
        if value is None:
            return False
        return value.startswith(self.prefix) if self.prefix else value in self.values


@dataclass(frozen=True, slots=True)
class Rule:
    """matches: all of them. shares: of the versions that answer the requests that meet them."""

    name: str
    matches: tuple[Match, ...]
    shares: tuple[Share, ...]

    def holds(self, attributes: Mapping[str, str]) -> bool:
        return all(match.holds(attributes) for match in self.matches)


@dataclass(frozen=True, slots=True)
class Rules:
    """In their order. revision: grows with each change of the route; the newest holds."""

    rules: tuple[Rule, ...]
    revision: int
    set_at: datetime
    set_by: str = ""

    def shares(self) -> Iterator[Share]:
        return (share for rule in self.rules for share in rule.shares)


@dataclass(frozen=True, slots=True)
class Shadow:
    """share: of all answered requests, whose copies the version gets; None for no shadow."""

    share: Share | None
    revision: int
    set_at: datetime
    set_by: str = ""
