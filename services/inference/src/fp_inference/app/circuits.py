"""How the breakers stand, over all processes."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from fp_kernel import Clock, NotFound, Unavailable

from fp_inference.app.breakers import Breakers, Guarded
from fp_inference.app.ports import CircuitBoard, Processes
from fp_inference.app.route_table import RouteTable
from fp_inference.domain.circuit import Circuit, merged
from fp_inference.domain.routes import Route, Target


@dataclass(frozen=True, slots=True)
class Standing:
    """replicas, left_out: processes of the target as this one knows them."""

    model_name: str
    target: Target
    circuit: Circuit
    replicas: int
    left_out: int


class Circuits:
    """Each process publishes the breakers that ever opened or count failures; of others there is nothing to say.

    interval: seconds between two publications.
    """

    def __init__(
        self,
        table: RouteTable,
        breakers: Breakers,
        board: CircuitBoard,
        processes: Processes,
        clock: Clock,
        *,
        interval: float = 1.0,
    ) -> None:
        self._table = table
        self._breakers = breakers
        self._board = board
        self._processes = processes
        self._clock = clock
        self._interval = interval

    async def of(self, team: str, model_name: str, version: str) -> Standing:
        """Raises NotFound for a version that is not deployed, Unavailable while routes are still being read."""
        route = self._table.get(team, model_name)
        for target in route.present:
            if target.version == version:
                (standing,) = await self._standings([(route, target)])
                return standing
        raise NotFound(f"version {version!r} of model {model_name!r} is not deployed")

    async def of_team(self, team: str, model_name: str) -> Sequence[Standing]:
        """By model name and version id. model_name: empty for all."""
        routes = [route for route in self._table.of_team(team) if model_name in {"", route.model_name}]
        return await self._standings([(route, target) for route in routes for target in _by_id(route)])

    async def publish_always(self) -> None:
        """Ends only by an error."""
        silent = True
        while True:
            own = [self._seen(guarded) for guarded in self._breakers.moved()]
            if own or not silent:
                await self._board.publish(own)
            silent = not own
            await asyncio.sleep(self._interval)

    async def _standings(self, targets: Sequence[tuple[Route, Target]]) -> Sequence[Standing]:
        published: Sequence[Circuit] = ()
        with suppress(Unavailable):
            # Without the others this process still knows its own.
            published = await self._board.published() if targets else ()
        others: dict[tuple[str, str], list[Circuit]] = {}
        for circuit in published:
            others.setdefault((circuit.version_id, circuit.endpoint), []).append(circuit)
        return [
            Standing(
                route.model_name,
                target,
                self._merged(target, others),
                self._processes.count(target),
                self._processes.left_out(target),
            )
            for route, target in targets
        ]

    def _merged(self, target: Target, others: Mapping[tuple[str, str], Sequence[Circuit]]) -> Circuit:
        guarded = self._breakers.find(target)
        own = self._seen(guarded) if guarded is not None else Circuit(target.version_id, target.endpoint)
        return merged(own, others.get((target.version_id, target.endpoint), ()))

    def _seen(self, guarded: Guarded) -> Circuit:
        target, breaker = guarded.target, guarded.breaker
        ago = timedelta(seconds=self._clock.monotonic() - breaker.changed_at)
        changed_at = self._clock.now() - ago if breaker.moved else None
        return Circuit(target.version_id, target.endpoint, breaker.state, breaker.failures, changed_at)


def _by_id(route: Route) -> Sequence[Target]:
    return sorted(route.present, key=lambda target: target.version_id)
