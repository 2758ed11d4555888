"""All stores in memory, and transactions over them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from fp_events import Event
from fp_kernel import AlreadyExists, Clock, Command, PageRequest
from fp_pipeline.adapters.events import to_event
from fp_pipeline.domain import events
from fp_pipeline.domain.definition import Pipeline, PipelineType
from fp_pipeline.domain.logs import LogLine, numbered
from fp_postgres.signals import Subscriptions
from fp_testkit.memory_transactions import MemoryTransaction, MemoryTransactions
from pipeline_fakes.deployments import MemoryDeployments
from pipeline_fakes.executions import MemoryExecutions
from pipeline_fakes.promotions import MemoryPromotions
from pipeline_fakes.state import MemoryState
from pipeline_fakes.statistics import MemoryCounting, MemoryRetrains, MemoryStatistics


class MemoryPipelines:
    def __init__(self, state: MemoryState) -> None:
        self._state = state

    async def add(self, pipeline: Pipeline) -> None:
        if any((each.team, each.name) == (pipeline.team, pipeline.name) for each in self._state.pipelines.values()):
            raise AlreadyExists(f"name: the team has a pipeline '{pipeline.name}'", reason="PIPELINE_EXISTS")
        self._state.pipelines[pipeline.id] = pipeline

    async def find(self, team: str, pipeline_id: str) -> Pipeline | None:
        found = self._state.pipelines.get(pipeline_id)
        gone = found is None or pipeline_id in self._state.deleted
        return found if found is not None and not gone and found.team == team else None

    async def lock(self, team: str, pipeline_id: str) -> Pipeline | None:
        return await self.find(team, pipeline_id)

    async def change(self, present: Pipeline, changed: Pipeline) -> None:
        others = [each for each in self._state.pipelines.values() if each.id != present.id]
        if any((each.team, each.name) == (changed.team, changed.name) for each in others):
            raise AlreadyExists(f"name: the team has a pipeline '{changed.name}'", reason="PIPELINE_EXISTS")
        self._state.pipelines[changed.id] = changed

    async def starter_of(self, team: str, pipeline_id: str) -> str:
        there = [each for each in self._state.pipelines.values() if each.id not in self._state.deleted]
        return next((each.name for each in there if each.then_pipeline_id == pipeline_id and each.team == team), "")

    async def delete(self, pipeline_id: str, at: datetime) -> None:
        self._state.deleted[pipeline_id] = at

    async def page(self, team: str, kind: PipelineType | None, page: PageRequest) -> Sequence[Pipeline]:
        found = [
            each
            for key, each in sorted(self._state.pipelines.items(), reverse=True)
            if each.team == team
            and key not in self._state.deleted
            and kind in {None, each.type}
            and (page.after is None or key < page.after[0])
        ]
        return found[: page.size]


class MemoryLogs:
    def __init__(self, state: MemoryState) -> None:
        self._state = state

    async def append(self, execution_id: str, step_id: str, texts: Sequence[str], skipped: int, at: datetime) -> None:
        first = await self.last_line(execution_id, step_id) + skipped + 1
        for line in numbered(texts, first, at):
            self._state.logs[execution_id, step_id, line.number] = line

    async def log(self, execution_id: str, step_id: str, after: int, limit: int) -> Sequence[LogLine]:
        return [line for line in self._of(execution_id, step_id) if line.number > after][:limit]

    async def last_line(self, execution_id: str, step_id: str) -> int:
        return max((line.number for line in self._of(execution_id, step_id)), default=0)

    def _of(self, execution_id: str, step_id: str) -> list[LogLine]:
        return [line for key, line in sorted(self._state.logs.items()) if key[:2] == (execution_id, step_id)]


class MemoryOutbox:
    def __init__(self, transaction: MemoryTransaction) -> None:
        self._transaction = transaction

    def add(self, event: events.Event) -> None:
        self._transaction.outbox.add(to_event(event))


class MemoryTransactionStores:
    def __init__(self, stores: "MemoryStores", transaction: MemoryTransaction) -> None:
        self._transaction = transaction
        self.pipelines = stores.pipeline_store
        self.executions = stores.execution_store
        self.deployments = stores.deployments
        self.promotions = stores.promotions
        self.logs = stores.log_store
        self.statistics = MemoryCounting(stores.state, transaction)
        self.retrains = MemoryRetrains(stores.state)
        self.outbox = MemoryOutbox(transaction)

    async def complete(self, result: object) -> None:
        await self._transaction.complete(result)


class MemoryStores:
    """state: what is there. signals: wakes who waits. events: what committed transactions left in the outbox."""

    def __init__(self, clock: Clock) -> None:
        self.state = MemoryState()
        self.signals = Subscriptions()
        self.pipeline_store = MemoryPipelines(self.state)
        self.execution_store = MemoryExecutions(self.state, self.signals, clock)
        self.deployments = MemoryDeployments(self.state)
        self.log_store = MemoryLogs(self.state)
        self.promotions = MemoryPromotions(self.state)
        self.statistics = MemoryStatistics(self.state)
        self.reads = MemoryReads(self)
        state = self.state
        self._transactions = MemoryTransactions(
            state.pipelines,
            state.deleted,
            state.executions,
            state.leases,
            state.transitions,
            state.deployments,
            state.turns,
            state.logs,
            state.requests,
            state.gaps,
            state.retrains,
            state.promotions,
            source="pipeline",
        )

    @property
    def events(self) -> Sequence[Event]:
        return self._transactions.events

    @asynccontextmanager
    async def transactions(self, command: Command | None = None) -> AsyncIterator[MemoryTransactionStores]:
        async with self._transactions.transaction(command) as transaction:
            yield MemoryTransactionStores(self, transaction)


class MemoryReads:
    def __init__(self, stores: MemoryStores) -> None:
        self.execution = stores.execution_store.execution
        self.executions = stores.execution_store.executions
        self.transitions = stores.execution_store.transitions
        self.pipeline = stores.pipeline_store.find
        self.pipelines = stores.pipeline_store.page
        self.log = stores.log_store.log
        self.last_line = stores.log_store.last_line
