"""The projection in memory, for tests of what fills and reads it."""

from collections.abc import Sequence

from fp_kernel import Aborted, FailedPrecondition, PageRequest, Unavailable, new_id
from fp_registry.app.projection_ports import Applied, ProjectionState, Snapshot
from fp_registry.app.read_ports import Document, Documents, ModelFilter, ModelRef, Rows, VersionRef
from fp_registry.domain.stages import Stage
from registry_write_side import MemorySource, State


class MemoryGenerations:
    """`app.ports.Generations`. away: every call fails. restarted: what `sound` denies."""

    def __init__(self) -> None:
        self.generations: dict[str, State] = {}
        self.current = ""
        self.building = ""
        self.away = False
        self.restarted = False

    async def state(self) -> ProjectionState:
        self.check()
        return ProjectionState(self.current, self.building)

    async def sound(self) -> bool:
        self.check()
        return not self.restarted

    async def revision_in(self, generation: str, team: str, model_id: str) -> int:
        self.check()
        found = self.of(generation).model(team, model_id)
        return found.revision if found else 0

    async def apply(self, generation: str, base: int, snapshots: Sequence[Snapshot]) -> Sequence[Applied]:
        self.check()
        return [self._apply(self.of(generation), base, snapshot) for snapshot in snapshots]

    async def begin(self) -> str:
        self.check()
        if self.building:
            raise FailedPrecondition("another rebuild of the projection is at work")
        self.building = new_id()
        self.restarted = False
        return self.building

    async def extend(self, generation: str) -> None:
        self.check()
        if self.building != generation:
            raise Aborted("the rebuild lost its claim")

    async def switch(self, generation: str) -> None:
        await self.extend(generation)
        self.current, self.building = generation, ""

    async def abandon(self, generation: str) -> None:
        self.check()
        if self.building == generation:
            self.building = ""

    async def sweep(self) -> None:
        self.check()
        for generation in set(self.generations) - {self.current, self.building}:
            del self.generations[generation]

    def of(self, generation: str) -> State:
        return self.generations.setdefault(generation, State())

    def check(self) -> None:
        """Raises Unavailable while away."""
        if self.away:
            raise Unavailable("the projection is away")

    def _apply(self, state: State, base: int, snapshot: Snapshot) -> Applied:
        stored = state.models.get(snapshot.model.id)
        revision = stored.revision if stored else 0
        if revision >= snapshot.model.revision:
            return Applied.CURRENT
        if revision < base:
            return Applied.BEHIND
        state.models[snapshot.model.id] = snapshot.model
        state.versions.update({version.id: version for version in snapshot.versions})
        return Applied.APPLIED


class MemoryProjection:
    """`app.read_ports.Projection` on the current generation."""

    def __init__(self, generations: MemoryGenerations, documents: Documents) -> None:
        self._generations = generations
        self._documents = documents

    async def revision(self, team: str, model_id: str) -> int:
        store = self._store()
        return await self._generations.revision_in(self._generations.current, team, model_id) if store else 0

    async def model(self, team: str, ref: ModelRef) -> Document | None:
        store = self._store()
        return await store.model(team, ref) if store else None

    async def version(self, team: str, ref: VersionRef) -> Document | None:
        store = self._store()
        return await store.version(team, ref) if store else None

    async def models(self, team: str, models: ModelFilter, page: PageRequest) -> Rows | None:
        store = self._store()
        # As in Redis: nothing of the team here, and only Postgres can tell why.
        return await store.models(team, models, page) if store and store.knows(team) else None

    async def count(self, team: str, models: ModelFilter) -> int | None:
        store = self._store()
        return await store.count(team, models) if store and store.knows(team) else None

    async def versions(self, team: str, model_id: str, stage: Stage | None, page: PageRequest) -> Rows | None:
        store = self._store()
        return await store.versions(team, model_id, stage, page) if store else None

    def _store(self) -> MemorySource | None:
        self._generations.check()
        current = self._generations.current
        return MemorySource(self._generations.of(current), self._documents) if current else None
