"""The routes' store, and the pipeline's list of deployments, as a test says."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from fp_inference.app.follow_deployments import FollowDeployments
from fp_inference.app.fresh_routes import FreshRoutes
from fp_inference.app.ports import Deployment, RouteStore, SplitMoved
from fp_inference.app.route_table import RouteTable
from fp_inference.app.values import Replay
from fp_inference.domain.routes import Route, Stable, Target, TargetStatus
from fp_inference.domain.rules import Rule, Rules, Shadow
from fp_inference.domain.shares import Share, Split
from fp_kernel import Clock, Error, Unavailable

START = datetime(2013, 3, 1, tzinfo=UTC)


class FakeStore:
    """Routes and replays outside the process."""

    def __init__(self) -> None:
        self.away = False
        self.routes: dict[tuple[str, str], Route] = {}
        self.replays: dict[bytes, Replay] = {}
        self.revision = 0

    def _change(self, team: str, model: str, apply: Callable[[Route], Route]) -> None:
        if self.away:
            raise Unavailable("away")
        self.routes[team, model] = apply(self.routes.get((team, model)) or Route(team, model))

    async def load(self) -> Sequence[Route]:
        if self.away:
            raise Unavailable("away")
        return list(self.routes.values())

    async def save_target(self, team: str, model_name: str, target: Target) -> None:
        gone = target.status is TargetStatus.REMOVED
        self._change(team, model_name, lambda route: (route.undeployed if gone else route.deployed)(target))

    async def save_stable(self, team: str, model_name: str, stable: Stable) -> None:
        self._change(team, model_name, lambda route: route.promoted(stable))

    async def save_archived(self, team: str, model_name: str, at: datetime) -> None:
        self._change(team, model_name, lambda route: route.archived(at))

    async def save_restored(self, team: str, model_name: str, at: datetime) -> None:
        self._change(team, model_name, lambda route: route.restored(at))

    async def set_rules(
        self, team: str, model_name: str, rules: tuple[Rule, ...], at: datetime, *, by: str, expected: int | None = None
    ) -> Rules:
        made = Rules(rules, 0, at, by)
        return replace(made, revision=await self.set_whole(team, model_name, None, made, None))

    async def set_shadow(
        self, team: str, model_name: str, share: Share | None, at: datetime, *, by: str, expected: int | None = None
    ) -> Shadow:
        made = Shadow(share, 0, at, by)
        return replace(made, revision=await self.set_whole(team, model_name, None, None, made))

    async def set_whole(
        self,
        team: str,
        model_name: str,
        split: Split | None,
        rules: Rules | None,
        shadow: Shadow | None,
        *,
        expected: int | None = None,
        planned_on: int | None = None,
    ) -> int:
        there = self.routes[team, model_name].split if (team, model_name) in self.routes else None
        if planned_on is not None and there is not None and there.revision > planned_on:
            raise SplitMoved(there)
        self.revision += 1

        def change(route: Route) -> Route:
            if split is not None:
                route = route.with_split(replace(split, revision=self.revision))
            if rules is not None:
                route = route.with_rules(replace(rules, revision=self.revision))
            return route if shadow is None else route.with_shadow(replace(shadow, revision=self.revision))

        self._change(team, model_name, change)
        return self.revision

    async def get(self, digests: Sequence[bytes]) -> Sequence[Replay]:
        return [self.replays[digest] for digest in digests if digest in self.replays]

    async def put(self, replays: Sequence[Replay]) -> None:
        self.replays.update({replay.digest: replay for replay in replays})


async def set_split(
    store: RouteStore, team: str, model_name: str, shares: tuple[Share, ...], at: datetime, *, by: str, **more: Any
) -> Split:
    """A split alone, as it is stored."""
    split = Split(shares, 0, at, by, more.pop("salt", ""))
    return replace(split, revision=await store.set_whole(team, model_name, split, None, None, **more))


class FakeDeployments:
    """asked: models that were asked for by name."""

    def __init__(self) -> None:
        self.listed: list[Deployment] = []
        self.error: Error | None = None
        self.meanwhile: Callable[[], None] = lambda: None
        self.asked: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def all(self) -> Sequence[Deployment]:
        if self.error:
            raise self.error
        self.meanwhile()
        return self.listed

    async def of_model(self, team: str, model_name: str) -> Sequence[Deployment]:
        self.asked.append(model_name)
        await self.gate.wait()
        return [each for each in await self.all() if (each.team, each.model_name) == (team, model_name)]


def deployment(version: str, sequence: int, *, weight: int = 10_000, team: str = "alpha") -> Deployment:
    at = START + timedelta(seconds=sequence)
    return Deployment(team, "delays", Target("m", f"id-{version}", version, "h:1", weight, sequence, at))


class FakeRuntimes:
    """unreachable: versions whose runtimes do not answer."""

    def __init__(self) -> None:
        self.unreachable: set[str] = set()

    async def is_ready(self, target: Target) -> bool:
        return target.version not in self.unreachable


def fresh_routes(table: RouteTable, clock: Clock, deployments: FakeDeployments | None = None) -> FreshRoutes:
    """Over a pipeline that lists what the test says, at first nothing."""
    deployments = deployments or FakeDeployments()
    return FreshRoutes(table, FollowDeployments(table, FakeStore(), deployments), deployments, clock)
