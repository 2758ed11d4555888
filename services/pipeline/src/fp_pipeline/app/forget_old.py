"""How long executions and what happened in them are kept."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from fp_kernel import Clock
from fp_telemetry import get_logger

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Keep:
    """Since an execution began. history: its transitions and log lines. executions: itself, with its steps."""

    history: timedelta
    executions: timedelta


class Old(Protocol):
    async def forget_history(self, before: datetime) -> int: ...

    async def forget_executions(self, before: datetime) -> int: ...

    async def forget_revisions(self) -> int: ...


class ForgetOld:
    def __init__(self, old: Old, clock: Clock, keep: Keep) -> None:
        self._old = old
        self._clock = clock
        self._keep = keep

    async def __call__(self) -> None:
        """Once; replicas may do it at the same time."""
        now = self._clock.now()
        history = await self._old.forget_history(now - self._keep.history)
        executions = await self._old.forget_executions(now - self._keep.executions)
        revisions = await self._old.forget_revisions()
        if history or executions or revisions:
            _log.info("forgot what is old", history=history, executions=executions, revisions=revisions)
