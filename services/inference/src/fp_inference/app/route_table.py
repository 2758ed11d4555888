"""The routes of every team, in memory."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from fp_kernel import Error, FailedPrecondition, NotFound, Unavailable

from fp_inference.domain.failures import NO_ROUTE, ROUTES_NOT_READ
from fp_inference.domain.routes import Route, Target

Key = tuple[str, str]


class RouteTable:
    """Until it is `settled`, a model that is not in it may still come: callers are asked to try again."""

    def __init__(self) -> None:
        self._routes: dict[Key, Route] = {}
        self._settled = asyncio.Event()

    def settle(self) -> None:
        """What is not here now does not exist."""
        self._settled.set()

    @property
    def settled(self) -> bool:
        return self._settled.is_set()

    def find(self, team: str, model_name: str) -> Route | None:
        return self._routes.get((team, model_name))

    def get(self, team: str, model_name: str) -> Route:
        """A route with at least one target. Raises NotFound, also for one that was deleted, Unavailable while routes
        are still being read.
        """
        route = self._routes.get((team, model_name))
        if route is None or not route.present:
            raise self.missing(model_name)
        if route.deleted:
            raise NotFound(f"the route of model {model_name!r} was deleted", reason=NO_ROUTE)
        return route

    def routable(self, team: str, model_name: str) -> Route:
        """A route with at least one active target. Raises FailedPrecondition for a model that was archived."""
        route = self.get(team, model_name)
        if not route.active:
            raise FailedPrecondition(f"model {model_name!r} takes no traffic any more", reason=NO_ROUTE)
        return route

    def missing(self, model_name: str) -> Error:
        if not self.settled:
            return Unavailable("routes are being read", reason=ROUTES_NOT_READ, retry_after=1.0)
        return NotFound(f"no version of model {model_name!r} is deployed", reason=NO_ROUTE)

    def change(self, team: str, model_name: str, apply: Callable[[Route], Route]) -> Route | None:
        """The route after the change; None when it changed nothing."""
        before = self._routes.get((team, model_name)) or Route(team, model_name)
        after = apply(before)
        if after is before:
            return None
        self._routes[team, model_name] = after
        return after

    def is_deployed(self, team: str, model_name: str) -> bool:
        route = self._routes.get((team, model_name))
        return route is not None and bool(route.present)

    def forget(self, before: datetime) -> None:
        """What is over and older; see `Route.since`."""
        self._routes = {key: left for key, route in self._routes.items() if (left := route.since(before)) is not None}

    def of_team(self, team: str) -> Sequence[Route]:
        """Routes with a target that are not deleted, by model name."""
        routes = [route for (owner, _), route in self._routes.items() if owner == team]
        own = [route for route in routes if route.present and not route.deleted]
        return sorted(own, key=lambda route: route.model_name)

    def incomplete(self) -> Sequence[Key]:
        """Routes whose split gives a share to a version that is not known here."""
        return [key for key, route in self._routes.items() if route.names_unknown]

    def targets(self) -> Mapping[Key, tuple[Target, ...]]:
        return {key: route.present for key, route in self._routes.items()}
