"""The last line of the demo."""

from dataclasses import asdict, dataclass
from typing import Any

CLOSED, OPEN = "closed", "open"


@dataclass(frozen=True, slots=True)
class Outcome:
    """predictions: that were answered, and `usage_recorded` of them as billing counts. drift_reports: alarms.

    auc_v1, auc_final: of the flights after the first promotion; None without one.
    """

    status: str
    predictions: int
    failed_predictions: int
    usage_recorded: int
    control_alarms: int
    drift_reports: int
    retrains: int
    challengers_refused: int
    versions: tuple[str, ...]
    production: str
    auc_v1: float | None
    auc_final: float | None
    seconds: float

    def document(self) -> dict[str, Any]:
        return asdict(self)


def status(
    *,
    predictions: int,
    failed: int,
    usage: int,
    control_alarms: int,
    retrains: int,
    promoted: str,
    production: str,
    identical: bool,
) -> str:
    """Whether the loop has closed, with every prediction answered and metered once, and no alarm without cause.

    promoted: the version that was promoted last; empty when none was. identical: whether every training set was the
    same when it was built again.
    """
    exact = failed == 0 and usage == predictions and identical
    went_round = retrains > 0 and bool(promoted) and production == promoted
    return CLOSED if exact and control_alarms == 0 and went_round else OPEN
