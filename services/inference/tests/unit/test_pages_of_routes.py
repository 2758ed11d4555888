"""A page of routes is bounded in bytes as well."""

from datetime import UTC, datetime

from fp_inference.api.convert import routes_to_pb
from fp_inference.domain.routes import Route, Target
from fp_inference.domain.rules import Match, Rule, Rules
from fp_inference.domain.shares import Share

_START = datetime(2013, 3, 1, tzinfo=UTC)


def _route(name: str, values: int) -> Route:
    target = Target("m", "id-1", "1", "h:1", 10_000, 1, _START)
    match = Match("customer", frozenset(f"{number:>01000}" for number in range(values)))
    rules = Rules((Rule("large", (match,), (Share("id-1", 1, 10_000),)),), 1, _START)
    return Route("alpha", name).deployed(target).with_rules(rules)


def _names(routes: list[Route], most: int) -> list[str]:
    return [route.model_name for route in routes_to_pb(routes, most)]


def test_a_page_ends_before_it_is_too_large_and_has_one_route_at_least() -> None:
    routes = [_route("a", 1), _route("b", 1), _route("large", 60), _route("z", 1)]
    assert _names(routes, 1_000_000) == ["a", "b", "large", "z"]
    assert _names(routes, 10_000) == ["a", "b"]
    assert _names(routes[2:], 10_000) == ["large"]
