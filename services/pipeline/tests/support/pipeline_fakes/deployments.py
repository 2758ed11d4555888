"""Deployments and turns in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from fp_kernel import PageRequest
from fp_pipeline.domain.config import FULL_WEIGHT_BPS
from fp_pipeline.domain.deployment import Deployment, DeploymentState
from fp_pipeline.domain.execution import StepStatus
from fp_pipeline.domain.names import AttemptName, parse_runtime
from fp_pipeline.domain.replicas import Replicas
from fp_pipeline.domain.traffic import Weights
from pipeline_fakes.state import MemoryState

_AT_WORK = frozenset({StepStatus.RUNNING, StepStatus.COMPENSATING})


class MemoryDeployments:
    def __init__(self, state: MemoryState) -> None:
        self._state = state

    async def deploy(self, deployment: Deployment) -> Deployment | None:
        others = await self.live(deployment.team, deployment.model_name)
        versions = {each.version for each in others}
        if deployment.runtime in self._state.deployments or deployment.version in versions:
            return None
        stored = replace(deployment, weight_bps=0 if others else FULL_WEIGHT_BPS)
        self._state.deployments[stored.runtime] = stored
        return stored

    async def set_weights(self, team: str, model_name: str, weights: Weights) -> None:
        for each in await self.live(team, model_name):
            if each.version in weights:
                self._state.deployments[each.runtime] = replace(each, weight_bps=weights[each.version])

    async def undeploy(self, runtime: str, stop_at: datetime) -> Deployment | None:
        return self._change(runtime, state=DeploymentState.DRAINING, weight_bps=0, stop_at=stop_at)

    async def others(self, team: str, model_name: str, runtime: str) -> Sequence[Deployment]:
        return [each for each in await self.live(team, model_name) if each.runtime != runtime]

    async def move(self, runtime: str, endpoint: str, *, shared: bool) -> Deployment | None:
        stored = self._state.deployments.get(runtime)
        if stored is None or (stored.endpoint, stored.shared) == (endpoint, shared):
            return None
        return self._change(runtime, endpoint=endpoint, shared=shared)

    async def scale(self, team: str, model_name: str, version: str, replicas: Replicas) -> Deployment | None:
        for each in await self.live(team, model_name):
            if each.version == version and not each.shared:
                return self._change(each.runtime, replicas=replicas, scaling=True)
        return None

    async def announce(self, runtime: str, replicas: Replicas, endpoint: str, trim_at: datetime) -> Deployment | None:
        stored = self._state.deployments.get(runtime)
        if stored is None or not stored.scaling or stored.replicas.least != replicas.least:
            return None
        return self._change(runtime, endpoint=endpoint, trim_at=trim_at) if stored.endpoint != endpoint else None

    async def settle(self, runtime: str, replicas: Replicas) -> bool:
        stored = self._state.deployments.get(runtime)
        if stored is None or not stored.scaling or stored.replicas != replicas:
            return False
        return self._change(runtime, scaling=False, trim_at=None) is not None

    async def live(self, team: str, model_name: str) -> Sequence[Deployment]:
        return [each for each in await self.all_live() if (each.team, each.model_name) == (team, model_name)]

    async def page(self, page: PageRequest) -> Sequence[Deployment]:
        after = page.after[0] if page.after else ""
        return [each for each in await self.all_live() if each.runtime > after][: page.size]

    async def find(self, runtime: str) -> Deployment | None:
        return self._state.deployments.get(runtime)

    async def all_live(self) -> Sequence[Deployment]:
        return [each for _, each in sorted(self._state.deployments.items()) if each.state is DeploymentState.LIVE]

    async def drained(self, now: datetime) -> Sequence[Deployment]:
        return [
            each
            for each in self._state.deployments.values()
            if each.state is DeploymentState.DRAINING and each.stop_at is not None and each.stop_at <= now
        ]

    async def gone(self, runtime: str) -> None:
        stored = self._state.deployments.get(runtime)
        if stored is not None and stored.state is DeploymentState.DRAINING:
            self._state.deployments[runtime] = replace(stored, state=DeploymentState.GONE)

    async def take_turn(self, team: str, model_name: str, execution_id: str) -> str:
        if self._state.executions[execution_id].status.ended:
            return ""
        return self._state.turns.setdefault((team, model_name), execution_id)

    async def in_use(self, runtimes: Sequence[str]) -> frozenset[str]:
        return frozenset(name for name in runtimes if self._is_used(name))

    def _is_used(self, runtime: str) -> bool:
        stored = self._state.deployments.get(runtime)
        if stored is not None:
            return stored.state is not DeploymentState.GONE
        owner = parse_runtime(runtime)
        return owner is not None and self._works(owner)

    def _works(self, owner: AttemptName) -> bool:
        execution = self._state.executions.get(owner.execution_id)
        if execution is None or execution.status.ended:
            return False
        step = execution.step(owner.step_id)
        return step.attempt == owner.attempt and step.status in _AT_WORK

    def _change(self, runtime: str, **changes: Any) -> Deployment | None:
        stored = self._state.deployments.get(runtime)
        if stored is None or stored.state is not DeploymentState.LIVE:
            return None
        self._state.deployments[runtime] = replace(stored, **changes)
        return self._state.deployments[runtime]
