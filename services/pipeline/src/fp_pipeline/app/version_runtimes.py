"""What the processes of deployed versions have in memory, and what a team wants there (ADR 0222)."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from fp_kernel import DeadlineExceeded, FailedPrecondition, NotFound

from fp_pipeline.app.peers import Actor
from fp_pipeline.app.ports import Deployments
from fp_pipeline.domain.deployment import Deployment


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """state: of the model, by the name that the runtime gives it; empty when the process does not answer.

    replica: which of several, from 1.
    """

    state: str
    message: str = ""
    reason: str = ""
    memory_bytes: int = 0
    updated_at: datetime | None = None
    replica: int = 0


@dataclass(frozen=True, slots=True)
class VersionRuntime:
    deployment: Deployment
    status: ModelStatus


class Models(Protocol):
    """The models of the processes of a deployment."""

    async def statuses(self, actor: Actor, deployment: Deployment) -> Sequence[ModelStatus]:
        """One for each process, asked all at once; of one that does not answer without a state."""

    async def load(self, actor: Actor, deployment: Deployment) -> ModelStatus: ...

    async def unload(self, actor: Actor, deployment: Deployment, reason: str) -> ModelStatus:
        """Raises DeadlineExceeded while the last requests of the model are answered."""


class VersionRuntimes:
    def __init__(self, deployments: Deployments, models: Models) -> None:
        self._deployments = deployments
        self._models = models

    async def of_model(self, actor: Actor, model_name: str) -> Sequence[VersionRuntime]:
        """Of its live deployments, which are few; at least one of each."""
        live = await self._deployments.live(actor.team, model_name)
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(self._models.statuses(actor, each)) for each in live]
        return [
            VersionRuntime(deployment, status)
            for deployment, statuses in zip(live, asked, strict=True)
            for status in statuses.result()
        ]

    async def load(self, actor: Actor, model_name: str, version: str) -> VersionRuntime:
        """Raises NotFound, FailedPrecondition unless it shares a process, Unavailable."""
        deployment = await self._shared(actor, model_name, version)
        return VersionRuntime(deployment, await self._models.load(actor, deployment))

    async def unload(self, actor: Actor, model_name: str, version: str, reason: str) -> VersionRuntime:
        """As `load`."""
        deployment = await self._shared(actor, model_name, version)
        try:
            status = await self._models.unload(actor, deployment, reason)
        except DeadlineExceeded:
            # It is refused from now on; its last requests have their time. While a process is replaced, two answer.
            status, *_ = await self._models.statuses(actor, deployment)
        return VersionRuntime(deployment, status)

    async def _shared(self, actor: Actor, model_name: str, version: str) -> Deployment:
        live = await self._deployments.live(actor.team, model_name)
        deployment = next((each for each in live if each.version == version), None)
        if deployment is None:
            raise not_deployed(model_name, version)
        if not deployment.shared:
            raise FailedPrecondition(
                f"version {version} of '{model_name}' has a process of its own: undeploy it instead",
                reason="RUNTIME_NOT_SHARED",
            )
        return deployment


def not_deployed(model_name: str, version: str) -> NotFound:
    return NotFound(f"no version {version} of '{model_name}' is deployed", reason="NOT_DEPLOYED")
