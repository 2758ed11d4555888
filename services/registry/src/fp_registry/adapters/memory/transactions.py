"""Changes in memory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import fp_postgres
from fp_events import Event
from fp_kernel import NO_COMMAND, Command

from fp_registry.adapters.events import to_event
from fp_registry.adapters.memory.state import State, Waiting
from fp_registry.app.ports import Verification
from fp_registry.domain.events import DomainEvent
from fp_registry.domain.model import Model
from fp_registry.domain.promotion import Move, Tenure
from fp_registry.domain.stages import Stage
from fp_registry.domain.version import Version


class MemoryTransactions:
    """`app.ports.Transactions`; a transaction that fails leaves the state as it was."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._transactions = fp_postgres.MemoryTransactions(
            state.models, state.versions, state.tenures, state.unprojected, state.verifications, source="registry"
        )

    @property
    def events(self) -> list[Event]:
        """What committed transactions told."""
        return self._transactions.events

    @asynccontextmanager
    async def __call__(self, command: Command | None = None) -> AsyncIterator["MemoryTransaction"]:
        async with self._transactions.transaction(command) as tx:
            yield MemoryTransaction(self._state, tx, command or NO_COMMAND)


class MemoryTransaction:
    """`app.ports.Transaction`."""

    def __init__(self, state: State, tx: fp_postgres.MemoryTransaction, command: Command) -> None:
        self._state = state
        self._tx = tx
        self._command = command

    async def add_model(self, model: Model) -> bool:
        if any(other.team == model.team and other.name == model.name for other in self._state.models.values()):
            return False
        self._state.models[model.id] = model
        return True

    async def model(self, team: str, model_id: str) -> Model | None:
        return self._state.model(team, model_id)

    async def model_of(self, team: str, version_id: str) -> Model | None:
        version = self._state.version(team, version_id)
        return self._state.models[version.model_id] if version else None

    async def save_model(self, model: Model) -> None:
        self._state.models[model.id] = model

    async def version(self, team: str, version_id: str) -> Version | None:
        return self._state.version(team, version_id)

    async def add_version(self, version: Version) -> bool:
        if any(other.name == version.name for other in self._state.versions_of(version.model_id)):
            return False
        self._state.versions[version.id] = version
        return True

    async def save_version(self, version: Version) -> None:
        self._state.versions[version.id] = version
        served = [each for each in self._state.versions_of(version.model_id) if each.stage is Stage.PRODUCTION]
        if len(served) > 1:
            raise AssertionError("two versions of a model are in PRODUCTION")

    async def production(self, model: Model) -> Version | None:
        versions = self._state.versions_of(model.id)
        return next((version for version in versions if version.stage is Stage.PRODUCTION), None)

    async def last_production(self, model: Model) -> Version | None:
        for tenure in reversed(self._state.tenures.get(model.id, ())):
            version = self._state.versions[tenure.version_id]
            if tenure.ended_at is not None and version.stage is not Stage.PRODUCTION:
                return version
        return None

    async def save_move(self, move: Move, by: str) -> None:
        await self.save_model(move.model)
        if move.leaves_production:
            await self.end_tenure(move.model)
        tenures = list(self._state.tenures.get(move.model.id, ()))
        now = move.model.updated_at
        if move.demoted is not None:
            await self.save_version(move.demoted)
        await self.save_version(move.version)
        if move.enters_production:
            tenures.append(Tenure(move.version.id, move.version.name, now, None, by))
        self._state.tenures[move.model.id] = tuple(tenures)

    async def end_tenure(self, model: Model) -> None:
        *ended, last = self._state.tenures[model.id]
        self._state.tenures[model.id] = (*ended, replace(last, ended_at=max(model.updated_at, last.started_at)))

    async def verify_later(self, wish: Verification) -> None:
        before = self._state.verifications.get(wish.version_id)
        if before is None:
            self._state.verifications[wish.version_id] = Waiting(wish)
        elif wish.expected_digest:
            known = replace(before.wish, expected_digest=wish.expected_digest)
            self._state.verifications[wish.version_id] = replace(before, wish=known)

    async def expected_digest(self, version_id: str) -> str:
        waiting = self._state.verifications.get(version_id)
        return waiting.wish.expected_digest if waiting else ""

    async def verified(self, version: Version) -> None:
        self._state.verifications.pop(version.id, None)

    async def note_unprojected(self, model: Model) -> None:
        self._state.unprojected[model.id] = model.revision

    def emit(self, event: DomainEvent) -> None:
        self._tx.outbox.add(to_event(event))

    async def complete(self, result: object) -> None:
        await self._tx.complete(self._command, result)
