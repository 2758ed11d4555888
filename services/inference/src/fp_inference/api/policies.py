"""Rules and shadows of routes: messages to values and back."""

from collections.abc import Iterable, Sequence

from forgepoint.inference.v1 import inference_pb2 as pb
from fp_rpc.times import to_timestamp

from fp_inference.app.route_report import Reported
from fp_inference.domain.routes import Route
from fp_inference.domain.rule_plan import WantedRule
from fp_inference.domain.rules import Match, Rule
from fp_inference.domain.shares import Share


def rules_from_pb(rules: Iterable[pb.RoutingRule]) -> Sequence[WantedRule]:
    return [
        WantedRule(rule.name, [_match(match) for match in rule.matches], weights_from_pb(rule.weights))
        for rule in rules
    ]


def weights_from_pb(weights: Iterable[pb.TrafficWeight | pb.RouteTarget]) -> Sequence[tuple[str, int]]:
    return [(each.version, each.weight_bps) for each in weights]


def rules_to_pb(route: Route) -> Sequence[pb.RoutingRule]:
    rules = route.rules.rules if route.rules is not None else ()
    return [
        pb.RoutingRule(
            name=rule.name, matches=[_match_to_pb(match) for match in rule.matches], weights=_weights(route, rule)
        )
        for rule in rules
    ]


def shadow_to_pb(route: Route) -> pb.Shadow | None:
    share = route.shadow.share if route.shadow is not None else None
    if share is None or not (version := _version(route, share)):
        return None
    return pb.Shadow(version=version, share_bps=share.weight_bps)


def report_to_pb(reported: Reported) -> pb.GetRouteReportResponse:
    arms = [
        pb.RuleArm(
            rule=arm.rule,
            version=arm.version,
            answered=arm.answered,
            failed=arm.failed,
            mean_ms=1_000 * arm.seconds / arm.answered if arm.answered else 0.0,
        )
        for arm in reported.arms
    ]
    return pb.GetRouteReportResponse(arms=arms, shadow=_shadow_report(reported))


def _shadow_report(reported: Reported) -> pb.ShadowReport | None:
    shadow = shadow_to_pb(reported.route)
    if shadow is None or reported.route.shadow is None:
        return None

    def count(name: str) -> int:
        return round(reported.shadow.get(name, 0.0))

    return pb.ShadowReport(
        version=shadow.version,
        share_bps=shadow.share_bps,
        set_at=to_timestamp(reported.route.shadow.set_at),
        answered=count("answered"),
        failed=count("failed"),
        dropped=count("dropped"),
        labels=count("labels"),
        labels_agreed=count("agreed"),
        numbers=count("numbers"),
        mean_absolute_difference=reported.shadow.get("difference", 0.0) / max(1, count("numbers")),
        unlike=count("unlike"),
    )


def _match(wanted: pb.AttributeMatch) -> Match:
    match wanted.WhichOneof("test"):
        case "exact":
            return Match(wanted.attribute, frozenset((wanted.exact,)))
        case "prefix":
            return Match(wanted.attribute, prefix=wanted.prefix)
        case _:
            return Match(wanted.attribute, frozenset(getattr(wanted, "in").values))


def _match_to_pb(match: Match) -> pb.AttributeMatch:
    if match.prefix:
        return pb.AttributeMatch(attribute=match.attribute, prefix=match.prefix)
    if len(match.values) == 1:
        return pb.AttributeMatch(attribute=match.attribute, exact=next(iter(match.values)))
    made = pb.AttributeMatch(attribute=match.attribute)
    getattr(made, "in").values.extend(sorted(match.values))
    return made


def _weights(route: Route, rule: Rule) -> Sequence[pb.TrafficWeight]:
    named = ((_version(route, share), share.weight_bps) for share in rule.shares)
    return [pb.TrafficWeight(version=version, weight_bps=weight) for version, weight in named if version]


def _version(route: Route, share: Share) -> str:
    """Its label; empty once the version was undeployed."""
    target = route.targets.get(share.version_id)
    return target.version if target is not None and share.since > target.removed else ""
