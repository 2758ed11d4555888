"""Which versions a request is for: a rule that it meets, else the split."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fp_inference.domain.routes import Route, Target
from fp_inference.domain.split import Lot, choose, draw


@dataclass(frozen=True, slots=True)
class Preference:
    """targets: the one that was drawn, then the others that may stand in for it. rule: that decided; empty for the
    split.
    """

    targets: Sequence[Target]
    rule: str = ""


def preferred(route: Route, attributes: Mapping[str, str], subject: str) -> Preference:
    """subject: those with the same one see the same version while the shares stand.

    The first rule decides that the request meets and that has a version left. Only its own versions stand in for each
    other: who sends some customers to a version of their own wants them nowhere else.
    """
    for rule, lots in route.ruled:
        if rule.holds(attributes):
            return Preference(_in_order(lots, (route.team, route.model_name, "rule", rule.name, subject)), rule.name)
    return Preference(_in_order(route.lots, (route.team, route.model_name, route.salt, subject)))


def _in_order(lots: Sequence[Lot[Target]], subject: Sequence[str]) -> Sequence[Target]:
    if len(lots) == 1:
        return (lots[0].target,)
    chosen = choose(lots, draw(*subject))
    return (chosen, *(each.target for each in lots if each.target is not chosen))
