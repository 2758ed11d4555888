"""The write side in memory, for tests of what reads it."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from fp_kernel import PageRequest
from fp_registry.app.projection_ports import Snapshot
from fp_registry.app.read_ports import Document, Documents, ModelFilter, ModelRef, Rows, VersionRef
from fp_registry.domain.model import Model
from fp_registry.domain.promotion import Tenure
from fp_registry.domain.stages import Stage
from fp_registry.domain.version import Version


@dataclass(slots=True)
class State:
    """tenures: by model, oldest first. unprojected: revision by model."""

    models: dict[str, Model] = field(default_factory=dict)
    versions: dict[str, Version] = field(default_factory=dict)
    tenures: dict[str, tuple[Tenure, ...]] = field(default_factory=dict)
    unprojected: dict[str, int] = field(default_factory=dict)

    def model(self, team: str, model_id: str) -> Model | None:
        found = self.models.get(model_id)
        return found if found and found.team == team else None

    def version(self, team: str, version_id: str) -> Version | None:
        found = self.versions.get(version_id)
        return found if found and found.team == team else None

    def versions_of(self, model_id: str) -> list[Version]:
        """Newest first."""
        found = (version for version in self.versions.values() if version.model_id == model_id)
        return sorted(found, key=lambda version: version.ordinal, reverse=True)


class MemoryRecords:
    """`app.ports.Records`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def version(self, team: str, version_id: str) -> Version | None:
        return self._state.version(team, version_id)

    async def wait_for_changes(self, team: str, ref: VersionRef) -> None:
        """One transaction at a time: none is under way."""

    async def baseline(self, team: str, version_id: str) -> bytes:
        found = self._state.version(team, version_id)
        return found.described.baseline if found else b""

    async def revision(self, team: str, model_id: str) -> int:
        found = self._state.model(team, model_id)
        return found.revision if found else 0

    async def tenures(self, team: str, model_id: str, page: PageRequest) -> tuple[Sequence[Tenure], str] | None:
        if self._state.model(team, model_id) is None:
            return None
        numbered = list(enumerate(self._state.tenures.get(model_id, ()), start=1))
        below = int(page.after[0]) if page.after else len(numbered) + 1
        found = [(number, tenure) for number, tenure in reversed(numbered) if number < below]
        shown = found[: page.size]
        return [tenure for _, tenure in shown], str(shown[-1][0]) if len(found) > page.size else ""

    async def tenure_at(self, team: str, model_id: str, moment: datetime) -> Sequence[Tenure] | None:
        if self._state.model(team, model_id) is None:
            return None
        return [
            tenure
            for tenure in self._state.tenures.get(model_id, ())
            if tenure.started_at <= moment and (tenure.ended_at is None or tenure.ended_at > moment)
        ]


class MemorySource:
    """`app.read_ports.ReadModel`, never behind."""

    def __init__(self, state: State, documents: Documents) -> None:
        self._state = state
        self._documents = documents

    async def model(self, team: str, ref: ModelRef) -> Document | None:
        for model in self._of(team):
            if (ref.id and model.id == ref.id) or (not ref.id and model.name == ref.name):
                return self._documents.model(model)
        return None

    async def version(self, team: str, ref: VersionRef) -> Document | None:
        found = self._state.version(team, ref.id) if ref.id else None
        if not ref.id and self._state.model(team, ref.model_id):
            found = next((each for each in self._state.versions_of(ref.model_id) if _is(each, ref)), None)
        return self._documents.version(found) if found else None

    async def models(self, team: str, models: ModelFilter, page: PageRequest) -> Rows:
        found = [model for model in self._of(team) if _wanted(model, models)]
        found.sort(key=lambda model: model.id, reverse=True)
        below = [model for model in found if not page.after or model.id < page.after[0]]
        shown = below[: page.size]
        after = shown[-1].id if len(below) > page.size else ""
        return Rows(tuple(map(self._documents.model, shown)), after)

    async def count(self, team: str, models: ModelFilter) -> int:
        return sum(_wanted(model, models) for model in self._of(team))

    async def versions(self, team: str, model_id: str, stage: Stage | None, page: PageRequest) -> Rows | None:
        if self._state.model(team, model_id) is None:
            return None
        found = [each for each in self._state.versions_of(model_id) if stage in (None, each.stage)]
        below = [each for each in found if not page.after or each.ordinal < int(page.after[0])]
        shown = below[: page.size]
        after = str(shown[-1].ordinal) if len(below) > page.size else ""
        return Rows(tuple(map(self._documents.version, shown)), after)

    def knows(self, team: str) -> bool:
        """Whether the team has any model here."""
        return bool(self._of(team))

    def _of(self, team: str) -> list[Model]:
        return [model for model in self._state.models.values() if model.team == team]


class MemoryChanges:
    """`app.ports.Changes`."""

    def __init__(self, state: State, *, batch: int = 100) -> None:
        self._state = state
        self._batch = batch

    async def after(self, team: str, model_id: str, revision: int) -> Snapshot | None:
        model = self._state.model(team, model_id)
        return self._snapshot(model, revision) if model else None

    async def everything(self) -> AsyncIterator[Sequence[Snapshot]]:
        models = sorted(self._state.models)
        for start in range(0, len(models), self._batch):
            batch = models[start : start + self._batch]
            yield [self._snapshot(self._state.models[model_id], 0) for model_id in batch]

    async def unprojected(self, limit: int) -> Sequence[tuple[str, str, int]]:
        noted = list(self._state.unprojected.items())[:limit]
        return [(self._state.models[model_id].team, model_id, revision) for model_id, revision in noted]

    async def note(self, team: str, model_ids: Sequence[str]) -> None:
        for model_id in model_ids:
            model = self._state.model(team, model_id)
            if model:
                self._state.unprojected[model_id] = model.revision

    async def projected(self, model_id: str, revision: int) -> None:
        if self._state.unprojected.get(model_id, revision + 1) <= revision:
            del self._state.unprojected[model_id]

    def _snapshot(self, model: Model, revision: int) -> Snapshot:
        changed = [each for each in self._state.versions_of(model.id) if each.revision > revision]
        return Snapshot(model, tuple(changed))


def _is(version: Version, ref: VersionRef) -> bool:
    return version.name == ref.name if ref.name else version.stage is ref.stage


def _wanted(model: Model, models: ModelFilter) -> bool:
    return (
        (not models.framework or model.framework == models.framework)
        and (not models.task_type or model.task_type == models.task_type)
        and (not models.tag or model.tags.get(models.tag[0]) == models.tag[1])
        and (models.archived or not model.archived)
    )
