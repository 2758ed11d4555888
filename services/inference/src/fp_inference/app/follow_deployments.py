"""Keeps the routes: what events say, what the store has, what the pipeline lists."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial

from fp_kernel import Error, Unavailable
from fp_telemetry import get_logger

from fp_inference.app.ports import Deployment, Deployments, RouteStore
from fp_inference.app.route_table import RouteTable
from fp_inference.domain.routes import Route, Stable, Target, TargetStatus
from fp_inference.domain.rules import Rules, Shadow
from fp_inference.domain.shares import Split

_RETRY = 1.0

_log = get_logger(__name__)


class FollowDeployments:
    """Each change is made in memory first and then kept; a store that is away loses nothing but the quick start."""

    def __init__(self, table: RouteTable, store: RouteStore, deployments: Deployments) -> None:
        self._table = table
        self._store = store
        self._deployments = deployments

    async def start(self) -> None:
        """Take over what the store has, so that a restart answers; without it, events and the pipeline follow."""
        try:
            await self.recall()
        except Unavailable as error:
            _log.warning("routes were not read at the start", reason=error.message)

    async def deployed(self, deployment: Deployment) -> None:
        team, model_name, target = deployment.team, deployment.model_name, deployment.target
        if self._change(team, model_name, lambda route: route.deployed(target)):
            _log.info("version deployed", model=model_name, version=target.version, sequence=target.sequence)
            await self._save_target(team, model_name, target)

    async def undeployed(self, deployment: Deployment) -> None:
        team, model_name, target = deployment.team, deployment.model_name, deployment.target
        if self._change(team, model_name, lambda route: route.undeployed(target)):
            _log.info("version undeployed", model=model_name, version=target.version, sequence=target.sequence)
            await self._save_target(team, model_name, target)

    async def promoted(self, team: str, model_name: str, stable: Stable) -> None:
        if self._change(team, model_name, lambda route: route.promoted(stable)):
            await self._save(lambda: self._store.save_stable(team, model_name, stable))

    async def archived(self, team: str, model_name: str, at: datetime) -> None:
        if self._change(team, model_name, lambda route: route.archived(at)):
            await self._save(lambda: self._store.save_archived(team, model_name, at))

    async def restored(self, team: str, model_name: str, at: datetime) -> None:
        if self._change(team, model_name, lambda route: route.restored(at)):
            await self._save(lambda: self._store.save_restored(team, model_name, at))

    def split(self, team: str, model_name: str, split: Split) -> None:
        """A split that this or another replica set."""
        self._change(team, model_name, lambda route: route.with_split(split))

    def policy(self, team: str, model_name: str, policy: Rules | Shadow) -> None:
        """Rules or a shadow that this or another replica set."""
        if isinstance(policy, Rules):
            self._change(team, model_name, lambda route: route.with_rules(policy))
        else:
            self._change(team, model_name, lambda route: route.with_shadow(policy))

    async def recall(self) -> None:
        """Take over what is stored. Raises Unavailable."""
        for stored in await self._store.load():
            self._change(stored.team, stored.model_name, partial(_merged, stored=stored))

    async def reconcile(self) -> None:
        """Take over what the pipeline lists; what it does not list is gone. Raises Unavailable."""
        before = {
            (team, model_name, target.version_id): target
            for (team, model_name), targets in self._table.targets().items()
            for target in targets
        }
        listed = await self._deployments.all()
        for deployment in listed:
            await self.deployed(deployment)
            before.pop((deployment.team, deployment.model_name, deployment.target.version_id), None)
        for (team, model_name, version_id), target in before.items():
            route = self._table.find(team, model_name)
            # What changed since the question was asked is newer than the answer.
            if route is not None and route.targets.get(version_id) is target:
                _log.warning("version is not deployed any more", model=model_name, version=target.version)
                self._change(team, model_name, partial(Route.lost, version_id=version_id))
                await self._save_target(team, model_name, target)
        self._table.settle()

    async def reconcile_always(self, interval: float) -> None:
        """At once, and every `interval` seconds; soon again while the pipeline is away."""
        while True:
            try:
                await self.reconcile()
            except Error as error:
                _log.warning("deployments were not listed", kind=error.kind.value, reason=error.message)
                await asyncio.sleep(_RETRY)
            else:
                await asyncio.sleep(interval)

    async def _save_target(self, team: str, model_name: str, target: Target) -> None:
        route = self._table.find(team, model_name)
        stored = route.targets.get(target.version_id) if route else None
        if stored is not None:
            await self._save(lambda: self._store.save_target(team, model_name, stored))

    async def _save(self, save: Callable[[], Awaitable[None]]) -> None:
        try:
            await save()
        except Unavailable as error:
            _log.warning("routes are stored by this process alone", reason=error.message)

    def _change(self, team: str, model_name: str, apply: Callable[[Route], Route]) -> bool:
        return self._table.change(team, model_name, apply) is not None


def _merged(route: Route, stored: Route) -> Route:
    for target in stored.targets.values():
        gone = target.status is TargetStatus.REMOVED
        route = route.undeployed(target) if gone else route.deployed(target)
    if stored.split is not None:
        route = route.with_split(stored.split)
    if stored.rules is not None:
        route = route.with_rules(stored.rules)
    if stored.shadow is not None:
        route = route.with_shadow(stored.shadow)
    if stored.stable is not None:
        route = route.promoted(stored.stable)
    if stored.restored_at is not None:
        route = route.restored(stored.restored_at)
    return route.archived(stored.archived_at) if stored.archived_at is not None else route
