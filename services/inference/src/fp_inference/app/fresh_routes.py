"""Routes that are read again before this replica refuses for want of a version.

Deployments come as events, to each replica at its own time. Right after a deployment one replica answered for the new
version while another one refused the same call as unknown, for as long as its event was under way.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

from fp_kernel import Clock, Error, FailedPrecondition, NotFound
from fp_kernel.bucket import Bucket, Limit
from fp_kernel.loading import Loaded, LoadingCache
from fp_telemetry import get_logger

from fp_inference.app.follow_deployments import FollowDeployments
from fp_inference.app.ports import Deployments
from fp_inference.app.route_table import RouteTable
from fp_inference.domain.failures import NO_ROUTE
from fp_inference.domain.rules import Rules, Shadow
from fp_inference.domain.shares import Split
from fp_inference.domain.split_plan import VERSION_NOT_ACTIVE

T = TypeVar("T")

# Names that nobody deployed cost the pipeline a query each: a team may cause so many of them, in a second and at once.
_LIMIT = Limit(rate=10.0, burst=20)
_MOST_TEAMS = 1_000
_MOST_MODELS = 1_000
_ABSENT = frozenset({NO_ROUTE, VERSION_NOT_ACTIVE})

_log = get_logger(__name__)


class FreshRoutes:
    """The pipeline has each deployment before any replica: it is asked for one model, once for all who wait for it.

    retry: seconds until it is asked again for what a split names, while it is away.
    """

    def __init__(
        self,
        table: RouteTable,
        follow: FollowDeployments,
        deployments: Deployments,
        clock: Clock,
        *,
        retry: float = 1.0,
    ) -> None:
        self._table = table
        self._follow = follow
        self._deployments = deployments
        self._clock = clock
        self._retry = retry
        self._asking = LoadingCache[tuple[str, str], None](limit=_MOST_MODELS, clock=clock)
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()
        self._incomplete: set[tuple[str, str]] = set()
        self._more = asyncio.Event()

    async def read(self, team: str, model_name: str, find: Callable[[], T]) -> T:
        """What `find` reads of the table of routes. When it refuses because a model or a version is not known, the
        pipeline is asked and `find` is called a second time; what it raises then holds.
        """
        try:
            return find()
        except (NotFound, FailedPrecondition) as error:
            if error.reason not in _ABSENT or not await self._refreshed(team, model_name):
                raise
        return find()

    def split(self, team: str, model_name: str, split: Split) -> None:
        """A split that this or another replica set."""
        self._follow.split(team, model_name, split)
        self._complete_later(team, model_name)

    def policy(self, team: str, model_name: str, policy: Rules | Shadow) -> None:
        """Rules or a shadow that this or another replica set."""
        self._follow.policy(team, model_name, policy)
        self._complete_later(team, model_name)

    async def recall(self) -> None:
        """Take over what the store kept. Raises Unavailable."""
        await self._follow.recall()
        for team, model_name in self._table.incomplete():
            self._complete_later(team, model_name)

    async def complete_always(self) -> None:
        """Find the versions that splits name and that are not known here; again while the pipeline is away.

        A call that meets such a split is not refused, another version answers it. That version may have no runtime any
        more once all traffic is meant for the new one.
        """
        while True:
            await self._more.wait()
            self._more.clear()
            for key in list(self._incomplete):
                try:
                    await self._ask(*key)
                except Error as error:
                    _log.warning("a version of a split is not known", model=key[1], reason=error.message)
                else:
                    self._incomplete.discard(key)
            if self._incomplete:
                await asyncio.sleep(self._retry)
                self._more.set()

    async def close(self) -> None:
        await self._asking.close()

    def _complete_later(self, team: str, model_name: str) -> None:
        route = self._table.find(team, model_name)
        if route is not None and route.names_unknown:
            self._incomplete.add((team, model_name))
            self._more.set()

    async def _refreshed(self, team: str, model_name: str) -> bool:
        if not self._bucket(team).take(1, 1, self._clock.monotonic()).tokens:
            return False
        try:
            await self._ask(team, model_name)
        except Error as error:
            # What is known here is all that can be said; an unknown model stays unknown while the pipeline is away.
            _log.warning("a route was not read again", model=model_name, reason=error.message)
            return False
        return True

    async def _ask(self, team: str, model_name: str) -> None:
        async def load() -> Loaded[None]:
            for deployment in await self._deployments.of_model(team, model_name):
                await self._follow.deployed(deployment)
            # Not remembered: who asks after this may ask for a version that was deployed after this.
            return Loaded(None, fresh_for=0.0, good_for=0.0)

        await self._asking.get((team, model_name), load)

    def _bucket(self, team: str) -> Bucket:
        bucket = self._buckets.pop(team, None) or Bucket(_LIMIT, self._clock.monotonic())
        self._buckets[team] = bucket
        if len(self._buckets) > _MOST_TEAMS:
            self._buckets.popitem(last=False)
        return bucket
