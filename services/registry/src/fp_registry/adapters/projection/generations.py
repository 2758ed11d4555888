"""The projection as it is written."""

from collections.abc import Iterator, Sequence
from typing import Any

from fp_kernel import Aborted, FailedPrecondition, new_id
from fp_redis import RedisClient

from fp_registry.adapters.projection import keys
from fp_registry.adapters.projection.scripts import ABANDON, APPLY, EXTEND, SWITCH
from fp_registry.app.projection_ports import Applied, ProjectionState, Snapshot
from fp_registry.app.read_ports import Documents

_LEASE_MS = 30_000
_SCAN = 500


class RedisGenerations:
    """`app.ports.Generations`."""

    def __init__(self, link: RedisClient, documents: Documents) -> None:
        self._link = link
        self._documents = documents

    async def state(self) -> ProjectionState:
        current, building = await self._link.ask(("HGET", keys.POINTER, "current"), ("GET", keys.CLAIM))
        return ProjectionState(_text(current), _text(building))

    async def sound(self) -> bool:
        built_in, run = await self._link.ask(("HGET", keys.POINTER, "run"), ("INFO", "server"))
        return built_in is not None and _text(built_in) == _run(run)

    async def revision_in(self, generation: str, team: str, model_id: str) -> int:
        team_keys = keys.team_keys(generation, team)
        (found,) = await self._link.ask(("HGET", team_keys.documents, keys.revision_field(model_id)))
        return int(found or 0)

    async def apply(self, generation: str, base: int, snapshots: Sequence[Snapshot]) -> Sequence[Applied]:
        calls = [
            (_key_pair(generation, snapshot.model.team), self._arguments(base, snapshot)) for snapshot in snapshots
        ]
        return [Applied(_text(answer)) for answer in await self._link.run(APPLY, *calls)]

    async def begin(self) -> str:
        # Never a number that was used before: what an earlier generation left behind must not be read as this one's.
        generation = new_id()
        (claimed,) = await self._link.ask(("SET", keys.CLAIM, generation, "NX", "PX", _LEASE_MS))
        if not claimed:
            raise FailedPrecondition("another rebuild of the projection is at work", reason="REBUILD_AT_WORK")
        (run,) = await self._link.ask(("INFO", "server"))
        await self._link.ask(("HSET", keys.POINTER, "building_run", _run(run)))
        return generation

    async def extend(self, generation: str) -> None:
        (extended,) = await self._link.run(EXTEND, ([keys.CLAIM], [generation, _LEASE_MS]))
        _check_claim(extended)

    async def switch(self, generation: str) -> None:
        (switched,) = await self._link.run(SWITCH, ([keys.CLAIM, keys.POINTER], [generation]))
        _check_claim(switched)

    async def abandon(self, generation: str) -> None:
        await self._link.run(ABANDON, ([keys.CLAIM], [generation]))

    async def sweep(self) -> None:
        cursor: Any = 0
        while True:
            ((cursor, found),) = await self._link.ask(("SCAN", cursor, "MATCH", keys.ANY_TEAM, "COUNT", _SCAN))
            # Asked after each find: a rebuild that began meanwhile has its claim before its first key.
            state = await self.state()
            used = {state.current, state.building}
            unused = [key for key in found if keys.generation_of(_text(key)) not in used]
            if unused:
                await self._link.ask(("UNLINK", *unused))
            if int(cursor) == 0:
                return

    def _arguments(self, base: int, snapshot: Snapshot) -> list[str | bytes | int]:
        model = snapshot.model
        return [base, model.revision, model.id, *self._entries(snapshot)]

    def _entries(self, snapshot: Snapshot) -> Iterator[str | bytes]:
        """What the script wants of each document; see `scripts.APPLY`."""
        model = snapshot.model
        yield from (keys.model_field(model.id), self._documents.model(model), model.id)
        yield from ("\n".join(keys.model_lists(model)), keys.model_name_field(model.name))
        for version in snapshot.versions:
            yield from (keys.version_field(version.id), self._documents.version(version))
            yield from (keys.version_sort_key(version), "\n".join(keys.version_lists(version)))
            yield keys.version_name_field(version.model_id, version.name)


def _key_pair(generation: str, team: str) -> list[str]:
    team_keys = keys.team_keys(generation, team)
    return [team_keys.documents, team_keys.index]


def _check_claim(held: int) -> None:
    if not held:
        raise Aborted("the rebuild lost its claim: another one took over, or the store lost its data")


def _run(info: Any) -> str:
    """Changes with every start of the store."""
    return str(info["run_id"])


def _text(value: bytes | None) -> str:
    return value.decode() if value else ""
