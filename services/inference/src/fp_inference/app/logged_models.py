"""Of which models predictions are logged, as monitor says."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn, Protocol

from fp_kernel import Error
from fp_kernel.sampling import sampled
from fp_telemetry import get_logger

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LogPolicy:
    """sample_bps: of 10,000 predictions. masked: names of tensors and columns whose values are left out."""

    sample_bps: int
    masked: tuple[str, ...]


Policies = Mapping[tuple[str, str], LogPolicy]
"""By team and model."""


class LogPolicies(Protocol):
    async def all(self) -> Policies: ...


class PolicyFile(Protocol):
    """What was last known, for the process that comes after this one."""

    def load(self) -> Policies: ...

    def save(self, policies: Policies) -> None: ...


class LoggedModels:
    """What was last heard holds while monitor is away. Before anything was ever heard nothing is logged."""

    def __init__(self, source: LogPolicies | None, file: PolicyFile) -> None:
        """source: None when monitor cannot be asked."""
        self._source = source
        self._file = file
        self._policies = file.load() if source is not None else {}
        self._teams = {team for team, _ in self._policies}

    def logs(self, team: str) -> bool:
        """Whether anything of the team is logged."""
        return team in self._teams

    def taken(self, team: str, model_name: str, request_id: str) -> LogPolicy | None:
        """The policy by which this prediction is logged; None when it is not."""
        policy = self._policies.get((team, model_name))
        return policy if policy is not None and sampled(request_id, policy.sample_bps) else None

    async def follow_always(self, seconds: float) -> NoReturn:
        """seconds: between two questions."""
        while True:
            await self.refresh()
            await asyncio.sleep(seconds)

    async def refresh(self) -> None:
        if self._source is None:
            return
        try:
            found = await self._source.all()
        except Error as error:
            _log.warning("policies of the prediction log were not read", reason=error.message)
            return
        if found != self._policies:
            self._policies, self._teams = found, {team for team, _ in found}
            self._file.save(found)
