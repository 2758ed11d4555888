"""Policies of the prediction log, as tests set them."""

from dataclasses import dataclass, field

from fp_inference.app.logged_models import LoggedModels, LogPolicy, Policies
from fp_kernel import Unavailable


@dataclass
class FakeMonitor:
    """policies: what it says. away: it does not answer."""

    policies: Policies = field(default_factory=dict)
    away: bool = False

    async def all(self) -> Policies:
        if self.away:
            raise Unavailable("monitor is away")
        return self.policies


@dataclass
class MemoryFile:
    policies: Policies = field(default_factory=dict)

    def load(self) -> Policies:
        return self.policies

    def save(self, policies: Policies) -> None:
        self.policies = policies


def models(*masked: str, team: str = "alpha", model: str = "delays", sample_bps: int = 0) -> LoggedModels:
    """A process that knows one policy; sample_bps 0: none."""
    policies = {(team, model): LogPolicy(sample_bps, masked)} if sample_bps else {}
    return LoggedModels(FakeMonitor(policies), MemoryFile(policies))
