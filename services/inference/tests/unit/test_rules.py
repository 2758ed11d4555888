"""Some requests are for versions of their own: by rules over their attributes, in order."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from fp_inference.domain.preference import preferred
from fp_inference.domain.routes import Route, Target
from fp_inference.domain.rule_plan import MOST_ATTRIBUTES, WantedRule, check_attributes, plan_rules, plan_shadow
from fp_inference.domain.rules import MOST_BYTES, MOST_MATCHES, MOST_RULES, MOST_VALUES, Match, Rules, Shadow
from fp_inference.domain.shares import Split
from fp_inference.domain.split import FULL
from fp_inference.domain.split_plan import plan_split
from fp_kernel import FailedPrecondition, InvalidArgument
from hypothesis import given
from hypothesis import strategies as st

_START = datetime(2013, 3, 1, tzinfo=UTC)
_GOLD = Match("plan", frozenset(("gold",)))
_EURO = Match("country", frozenset(("FR", "DE")))
_BETA = Match("client", prefix="beta-")

_NAMES = st.sampled_from(("plan", "country", "client"))
_VALUES = st.sampled_from(("", "gold", "silver", "FR", "DE", "beta-1", "beta-"))
_MATCHES = st.builds(Match, _NAMES, st.frozensets(_VALUES, min_size=1)) | st.builds(
    Match, _NAMES, prefix=_VALUES.filter(bool)
)
_VERSIONS = ("1", "2", "3")
_WANTED = st.lists(st.tuples(st.lists(_MATCHES, min_size=1, max_size=3), st.sampled_from(_VERSIONS)), max_size=6)


def _route(*versions: str) -> Route:
    route = Route("alpha", "delays")
    for number, version in enumerate(versions or _VERSIONS, 1):
        at = _START + timedelta(seconds=number)
        route = route.deployed(Target("m", f"id-{version}", version, f"host:{number}", 0, number, at))
    return route.with_split(Split(plan_split(route, [("1", FULL)]), 1, _START))


def _ruled(route: Route, *wanted: WantedRule) -> Route:
    return route.with_rules(Rules(plan_rules(route, wanted), route.revision + 1, _START))


def _rule(name: str, *matches: Match, **shares: int) -> WantedRule:
    weights = {version.lstrip("v"): weight for version, weight in shares.items()}
    return WantedRule(name, matches, tuple(weights.items()))


def _seen(route: Route, subject: str = "s", **attributes: str) -> tuple[list[str], str]:
    found = preferred(route, attributes, subject)
    return [target.version for target in found.targets], found.rule


def test_the_first_rule_that_a_request_meets_decides_and_without_one_the_split() -> None:
    route = _ruled(_route(), _rule("gold", _GOLD, _EURO, v2=FULL), _rule("europe", _EURO, v3=FULL))
    assert _seen(route) == (["1"], "")
    assert _seen(route, plan="gold") == (["1"], "")
    assert _seen(route, plan="gold", country="FR") == (["2"], "gold")
    assert _seen(route, plan="silver", country="DE") == (["3"], "europe")


def test_a_prefix_an_exact_value_and_a_list_mean_what_they_say() -> None:
    assert _BETA.holds({"client": "beta-7"})
    assert not _BETA.holds({"client": "a-beta-7"})
    assert not _BETA.holds({})
    assert not _GOLD.holds({"plan": "golden"})
    assert _EURO.holds({"country": "DE"})
    assert not Match("plan", frozenset(("",))).holds({}), "a missing attribute is not an empty one"


@given(_WANTED, st.dictionaries(_NAMES, _VALUES))
def test_any_rules_decide_as_a_walk_over_them_in_order(
    wanted: list[tuple[list[Match], str]], attributes: dict[str, str]
) -> None:
    rules = [WantedRule(f"r{at}", matches, [(version, FULL)]) for at, (matches, version) in enumerate(wanted)]
    route = _ruled(_route(), *rules)

    def meets(match: Match) -> bool:
        value = attributes.get(match.attribute)
        return value is not None and (value.startswith(match.prefix) if match.prefix else value in match.values)

    expected = next((version for matches, version in wanted if all(map(meets, matches))), "1")
    assert _seen(route, **attributes)[0] == [expected]


def test_a_rule_divides_its_requests_by_a_salt_of_its_own() -> None:
    one = _ruled(_route(), _rule("one", _GOLD, v2=5_000, v3=5_000))
    two = _ruled(_route(), _rule("two", _GOLD, v2=5_000, v3=5_000))
    subjects = [f"user-{number}" for number in range(2_000)]
    arms = [{subject: _seen(route, subject, plan="gold")[0][0] for subject in subjects} for route in (one, two)]
    assert all(abs(Counter(arm.values())["2"] / 2_000 - 0.5) < 0.05 for arm in arms)
    assert abs(sum(arms[0][subject] == arms[1][subject] for subject in subjects) / 2_000 - 0.5) < 0.05
    assert arms[0] == {subject: _seen(one, subject, plan="gold")[0][0] for subject in subjects}, "sticky"


def test_only_the_versions_of_a_rule_stand_in_for_each_other() -> None:
    route = _ruled(_route(), _rule("gold", _GOLD, v2=5_000, v3=5_000))
    assert sorted(_seen(route, plan="gold")[0]) == ["2", "3"]


def test_a_rule_whose_versions_are_gone_matches_nothing() -> None:
    route = _ruled(_route(), _rule("gold", _GOLD, v2=FULL), _rule("all", Match("plan", prefix="g"), v3=FULL))
    left = route.undeployed(replace(route.targets["id-2"], sequence=9))
    assert _seen(left, plan="gold") == (["3"], "all")
    back = left.deployed(replace(route.targets["id-2"], sequence=10))
    assert _seen(back, plan="gold") == (["3"], "all"), "another runtime is another decision"


def test_the_newest_rules_and_shadow_hold_and_a_deleted_route_has_neither() -> None:
    route = _ruled(_route(), _rule("gold", _GOLD, v2=FULL))
    assert route.with_rules(Rules((), 1, _START)) is route
    assert route.with_rules(Rules((), 3, _START)).ruled == ()
    shadowed = route.with_shadow(Shadow(plan_shadow(route, "3", 2_500), 4, _START))
    assert shadowed.with_shadow(Shadow(None, 3, _START)) is shadowed
    assert shadowed.shadowed == (route.targets["id-3"], 2_500)
    assert shadowed.revision == 4
    deleted = shadowed.with_split(Split((), 5, _START))
    assert (deleted.ruled, deleted.shadowed) == ((), None)


def test_what_a_rule_names_and_nobody_knows_here_is_told() -> None:
    route = _ruled(_route(), _rule("gold", _GOLD, v2=FULL))
    elsewhere = replace(route, targets={"id-1": route.targets["id-1"]})
    assert elsewhere.names_unknown
    assert not route.names_unknown


@pytest.mark.parametrize(
    ("rules", "field"),
    [
        ([_rule("two words", _GOLD, v1=FULL)], "rules[0].name"),
        ([_rule("a", _GOLD, v1=FULL), _rule("a", _GOLD, v1=FULL)], "rules[1].name"),
        ([_rule("a", v1=FULL)], "rules[0].matches"),
        ([_rule("a", *[_GOLD] * (MOST_MATCHES + 1), v1=FULL)], "rules[0].matches"),
        ([_rule("a", Match("two words", prefix="x"), v1=FULL)], "rules[0].matches[0].attribute"),
        ([_rule("a", Match("plan"), v1=FULL)], "rules[0].matches[0]"),
        ([_rule("a", Match("plan", prefix="é" * 129), v1=FULL)], "rules[0].matches[0]"),
        ([_rule("a", Match("plan", frozenset(map(str, range(MOST_VALUES + 1)))), v1=FULL)], "rules[0].matches[0].in"),
        ([_rule("a", _GOLD, v1=9_999)], "rules[0].weights"),
        ([_rule(f"r{number}", _GOLD, v1=FULL) for number in range(MOST_RULES + 1)], "rules"),
    ],
)
def test_a_bad_rule_names_its_field(rules: list[WantedRule], field: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        plan_rules(_route(), rules)
    assert [each.field for each in caught.value.fields] == [field]


def test_all_values_of_a_route_together_are_bounded() -> None:
    long = Match("plan", frozenset(f"{number:0256}" for number in range(MOST_VALUES)))
    rules = [_rule(f"r{number}", *[long] * MOST_MATCHES, v1=FULL) for number in range(MOST_RULES)]
    with pytest.raises(InvalidArgument, match=str(MOST_BYTES)):
        plan_rules(_route(), rules)


def test_a_rule_and_a_shadow_name_versions_that_are_deployed() -> None:
    with pytest.raises(FailedPrecondition) as caught:
        plan_rules(_route(), [_rule("a", _GOLD, v9=FULL)])
    assert caught.value.fields[0].field == "rules[0].weights[0].version"
    with pytest.raises(FailedPrecondition) as caught:
        plan_shadow(_route(), "9", 1)
    assert caught.value.fields[0].field == "shadow.version"
    for share in (0, -1, FULL + 1):
        with pytest.raises(InvalidArgument):
            plan_shadow(_route(), "2", share)
    assert plan_shadow(_route(), "", 0) is None


@pytest.mark.parametrize(
    "attributes",
    [{"": "x"}, {"two words": "x"}, {"a": "x" * 257}, {str(number): "x" for number in range(MOST_ATTRIBUTES + 1)}],
)
def test_attributes_of_a_request_are_bounded(attributes: dict[str, str]) -> None:
    check_attributes({"plan": "gold", "a.b-c_d": ""})
    with pytest.raises(InvalidArgument) as caught:
        check_attributes(attributes)
    assert caught.value.fields[0].field.startswith("attributes")
