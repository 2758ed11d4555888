"""Worlds that unit and integration tests share."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from fp_kernel import PageRequest
from fp_registry.api.read_model import MessageDocuments
from fp_registry.app.project import Projector
from fp_registry.domain.artifact import Measured
from fp_registry.domain.model import NewModel, register
from fp_registry.domain.promotion import promote
from fp_registry.domain.stages import Stage, Status
from fp_registry.domain.version import Described, NewVersion, add_version, make_failed, make_ready
from registry_write_side import MemoryChanges, MemoryRecords, MemorySource, State

NOW = datetime(2013, 3, 1, tzinfo=UTC)


class World:
    """A write side whose changes are made by hand, one revision each, and what a projector sees of it."""

    def __init__(self):
        self.state = State()
        self.documents = MessageDocuments()
        self.source = MemorySource(self.state, self.documents)
        self.records = MemoryRecords(self.state)
        self.changes = MemoryChanges(self.state, batch=7)

    def register(self, name="flights", *, team="alpha", framework="onnx", task_type="classification", **tags):
        new = NewModel(name=name, framework=framework, task_type=task_type, tags=tags)
        return self._store(register(new, team=team, owner_id="ann", now=NOW))

    def add_version(self, model, name="", **new):
        described = Described(baseline=b"\x20\x01") if new.pop("baseline", False) else Described()
        model, version = add_version(
            self.state.models[model.id], NewVersion(name=name, described=described, **new), by="ann", now=NOW
        )
        self._store(model, version)
        return version

    def accept(self, version):
        measured = Measured("sha256:" + version.id.replace("-", "") * 2, 3)
        return self._store(*make_ready(*self._both(version), measured, NOW))

    def refuse(self, version):
        return self._store(*make_failed(*self._both(version), "wrong digest", NOW))

    def promote(self, version, target=Stage.PRODUCTION):
        model, version = self._both(version)
        incumbent = next((v for v in self.state.versions_of(model.id) if v.stage is Stage.PRODUCTION), None)
        move = promote(model, version, target, incumbent, NOW)
        if move is not None:
            self._store(move.model, move.version, *([move.demoted] if move.demoted else []))
        return self.state.versions[version.id]

    def archive(self, model):
        model = self.state.models[model.id]
        return self._store(replace(model.changed(NOW), archived_at=NOW))

    def retag(self, model, **tags):
        return self._store(replace(self.state.models[model.id].changed(NOW), tags=tags))

    def ready(self, model):
        return self.accept(self.add_version(model))

    def change_somehow(self, model, choice):
        """Any change that the present state allows; choice: a number that picks it."""
        model = self.state.models[model.id]
        versions = self.state.versions_of(model.id)
        pending = [v for v in versions if v.status is Status.PENDING_UPLOAD and v.stage is not Stage.ARCHIVED]
        movable = [v for v in versions if v.status is Status.READY and v.stage in (Stage.DEV, Stage.STAGING)]
        doings = [lambda: self.add_version(model), lambda: self.retag(model, tier=str(choice % 5))]
        if pending:
            doings += [lambda: self.accept(pending[0]), lambda: self.refuse(pending[-1])]
        if movable:
            doings += [lambda: self.promote(movable[0]), lambda: self.promote(movable[-1], Stage.ARCHIVED)]
        doings[choice % len(doings)]()

    def projector(self, generations):
        return Projector(self.changes, generations, lambda _: None)

    def _both(self, version):
        return self.state.models[version.model_id], self.state.versions[version.id]

    def _store(self, model, *versions):
        self.state.models[model.id] = model
        self.state.versions.update({version.id: version for version in versions})
        return versions[0] if versions else model


@pytest.fixture
def world():
    return World()


@pytest.fixture(scope="session")
def new_world():
    """For property tests, which need a world for each example."""
    return World


async def _pages(read):
    documents, after = [], None
    while True:
        rows = await read(PageRequest(3, after))
        documents += rows.documents
        if not rows.after:
            return documents
        after = (rows.after,)


@pytest.fixture
def all_pages():
    """Every document of a list, read in pages of three."""
    return _pages
