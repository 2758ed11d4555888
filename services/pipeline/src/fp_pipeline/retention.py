"""Removes what is old: executions with their history and files, counts of requests."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from fp_kernel import Clock
from fp_telemetry import get_logger

from fp_pipeline.app.ports import Statistics
from fp_pipeline.domain.names import files_of

_log = get_logger(__name__)
_COUNTS = timedelta(days=2)  # a canary lasts a day at most


@dataclass(frozen=True, slots=True)
class Ages:
    """Since an execution began. history: its transitions and log lines. executions: itself, with its steps."""

    history: timedelta
    executions: timedelta


class Old(Protocol):
    async def forget_history(self, before: datetime) -> int: ...

    async def old_executions(self, before: datetime) -> Sequence[str]:
        """Some of those that began before and have ended, and deployed nothing that is still known; oldest first."""

    async def forget_executions(self, ids: Sequence[str]) -> int: ...

    async def forget_deployments(self, before: datetime) -> int: ...

    async def forget_promotions(self, before: datetime) -> int: ...

    async def forget_revisions(self) -> int: ...


class Files(Protocol):
    async def delete_below(self, prefix: str) -> int: ...


class ForgetExecutions:
    def __init__(self, old: Old, files: Files, clock: Clock, ages: Ages) -> None:
        self._old = old
        self._files = files
        self._clock = clock
        self._ages = ages

    async def __call__(self) -> None:
        """Once; replicas may do it at the same time. Raises Unavailable: what is left goes the next time."""
        now = self._clock.now()
        history = await self._old.forget_history(now - self._ages.history)
        before = now - self._ages.executions
        deployments = await self._old.forget_deployments(before)
        promotions = await self._old.forget_promotions(before)
        executions = files = 0
        while ids := await self._old.old_executions(before):
            # Files first: without its execution nobody would know whose they are.
            for each in ids:
                files += await self._files.delete_below(files_of(each))
            executions += await self._old.forget_executions(ids)
        revisions = await self._old.forget_revisions()
        forgot = {
            "history": history,
            "deployments": deployments,
            "promotions": promotions,
            "executions": executions,
            "files": files,
            "revisions": revisions,
        }
        if any(forgot.values()):
            _log.info("forgot what is old", **forgot)


class ForgetRequests:
    """Drops the minutes that no canary can ask for any more."""

    def __init__(self, statistics: Statistics, clock: Clock) -> None:
        self._statistics = statistics
        self._clock = clock

    async def __call__(self) -> None:
        """Raises Unavailable."""
        await self._statistics.forget(self._clock.now() - _COUNTS)
