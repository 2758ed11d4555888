"""The metrics by which a version is compared with the answers of another one."""

from collections.abc import Mapping
from typing import Final

MORE_IS_BETTER: Final[Mapping[str, bool]] = {"auc": True, "accuracy": True, "log_loss": False, "rmse": False}
"""By name. Whoever measures them and whoever judges by them agree on it here."""


def lost(metric: str, then: float, now: float) -> float:
    """How much worse the second value is; below 0 when it is better."""
    return then - now if MORE_IS_BETTER[metric] else now - then
