"""Rules and a shadow as a caller asks for them: checked against the route."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fp_kernel import invalid

from fp_inference.domain.routes import Route
from fp_inference.domain.rules import MOST_BYTES, MOST_MATCHES, MOST_RULES, MOST_VALUES, Match, Rule
from fp_inference.domain.shares import Share
from fp_inference.domain.split import FULL
from fp_inference.domain.split_plan import NAME, NAMED, plan_split, unknown_version

MOST_ATTRIBUTES: Final = 16
_LONGEST_VALUE: Final = 256


@dataclass(frozen=True, slots=True)
class WantedRule:
    """weights: version labels and basis points."""

    name: str
    matches: Sequence[Match]
    weights: Sequence[tuple[str, int]]


def plan_rules(route: Route, wanted: Sequence[WantedRule], path: str = "rules") -> tuple[Rule, ...]:
    """Raises InvalidArgument naming the field, FailedPrecondition for a version that is not active."""
    if len(wanted) > MOST_RULES:
        raise invalid(path, f"must be at most {MOST_RULES}")
    seen: set[str] = set()
    size = 0
    for index, rule in enumerate(wanted):
        where = f"{path}[{index}]"
        if not NAME.fullmatch(rule.name):
            raise invalid(f"{where}.name", NAMED)
        if rule.name in seen:
            raise invalid(f"{where}.name", f"rule {rule.name!r} is there twice")
        seen.add(rule.name)
        if not 1 <= len(rule.matches) <= MOST_MATCHES:
            raise invalid(f"{where}.matches", f"must be 1 to {MOST_MATCHES}")
        size += sum(_check(match, f"{where}.matches[{at}]") for at, match in enumerate(rule.matches))
    if size > MOST_BYTES:
        raise invalid(path, f"must have at most {MOST_BYTES} bytes of values")
    return tuple(
        Rule(rule.name, tuple(rule.matches), plan_split(route, rule.weights, f"{path}[{index}].weights"))
        for index, rule in enumerate(wanted)
    )


def plan_shadow(route: Route, version: str, share_bps: int, path: str = "shadow") -> Share | None:
    """None for no shadow. Raises InvalidArgument, FailedPrecondition for a version that is not active."""
    if not version:
        return None
    if not 1 <= share_bps <= FULL:
        raise invalid(f"{path}.share_bps", f"must be 1 to {FULL}, is {share_bps}")
    target = next((each for each in route.candidates if each.version == version), None)
    if target is None:
        raise unknown_version(f"{path}.version", version)
    return Share(target.version_id, target.sequence, share_bps)


def check_attributes(attributes: Mapping[str, str], path: str = "attributes") -> None:
    """Those of a request. Raises InvalidArgument."""
    if len(attributes) > MOST_ATTRIBUTES:
        raise invalid(path, f"must be at most {MOST_ATTRIBUTES}")
    for name, value in attributes.items():
        if not NAME.fullmatch(name):
            raise invalid(path, f"a name {NAMED}")
        _check_value(value, f"{path}[{name}]")


def _check(match: Match, path: str) -> int:
    """How many bytes its values have."""
    if not NAME.fullmatch(match.attribute):
        raise invalid(f"{path}.attribute", NAMED)
    if not (match.values or match.prefix):
        raise invalid(path, "must say what the attribute has to be: exact, prefix or in")
    if len(match.values) > MOST_VALUES:
        raise invalid(f"{path}.in", f"must be at most {MOST_VALUES} values")
    return sum(_check_value(value, path) for value in (match.prefix, *match.values))


def _check_value(value: str, path: str) -> int:
    size = len(value.encode())
    if size > _LONGEST_VALUE:
        raise invalid(path, f"must be at most {_LONGEST_VALUE} bytes")
    return size
