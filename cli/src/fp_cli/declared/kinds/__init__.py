"""One file a group of kinds; `KINDS` in the order in which they are applied."""

from typing import Final

from fp_kernel import invalid

from fp_cli.declared.kind import Kind
from fp_cli.declared.kinds.monitors import Monitor
from fp_cli.declared.kinds.pipelines import Pipeline
from fp_cli.declared.kinds.plans import RatePlan, RatePlanAssignment
from fp_cli.declared.kinds.prediction_logs import PredictionLog
from fp_cli.declared.kinds.routes import Route
from fp_cli.declared.kinds.rules import NotificationRule
from fp_cli.declared.kinds.teams import Role, Team
from fp_cli.declared.kinds.views import FeatureView

KINDS: Final[dict[str, Kind]] = {
    kind.name: kind
    for kind in (
        Team(),
        RatePlan(),
        RatePlanAssignment(),
        Role(),
        FeatureView(),
        Pipeline(),
        NotificationRule(),
        Monitor(),
        PredictionLog(),
        Route(),
    )
}
"""An object comes after those that it may name."""


def kind(name: str, where: str) -> Kind:
    """Raises InvalidArgument naming those there are."""
    try:
        return KINDS[name]
    except KeyError:
        raise invalid(where, f"{name!r} is no kind; there are {', '.join(KINDS)}") from None
