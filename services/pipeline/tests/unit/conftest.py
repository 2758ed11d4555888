"""A pipeline service without processes: real use-cases and engine over stores and peers in memory."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from fp_kernel import Command
from fp_pipeline import engine
from fp_pipeline.app.cancel_execution import CancelExecution
from fp_pipeline.app.change_pipeline import DeletePipeline, UpdatePipeline
from fp_pipeline.app.create_pipeline import CreatePipeline
from fp_pipeline.app.peers import Actor
from fp_pipeline.app.queries import Queries
from fp_pipeline.app.reconcile import Reconciler
from fp_pipeline.app.scale_deployment import FollowScale, ScaleDeployment
from fp_pipeline.app.step_logs import StreamStepLogs
from fp_pipeline.app.trigger_execution import TriggerExecution
from fp_pipeline.app.watch_execution import Sighting, WatchExecution
from fp_pipeline.app.worker import Worker, WorkerPolicy
from fp_pipeline.domain.definition import Pipeline, PipelineDraft, PipelineType, StepDefinition, StepType
from fp_pipeline.domain.execution import Cause, Execution
from fp_pipeline.domain.policy import Backoff, EnginePolicy, LeasePolicy
from fp_pipeline.domain.progress import Progress
from fp_pipeline.domain.validation import JobModules
from fp_testkit.patience import PATIENCE
from fp_testkit.wallclock import RunningClock
from pipeline_fakes.bus import all_read
from pipeline_fakes.peers import (
    FakeArtifacts,
    FakeJobs,
    FakeJobTokens,
    FakeRegistry,
    FakeTraffic,
)
from pipeline_fakes.probe import FakeProbe
from pipeline_fakes.runtimes import FakeRuntimes
from pipeline_fakes.secrets import FakeSecrets
from pipeline_fakes.stores import MemoryStores
from pipeline_fakes.world import World

ANN = Actor("alpha", "ann")
MODULES = JobModules(frozenset({"work", "fp_jobs"}))
QUICK = EnginePolicy(
    backoff=Backoff(initial=0.001, ceiling=0.005),
    compensation_backoff=Backoff(initial=0.001, ceiling=0.005),
    compensation_attempts=3,
    drain=0.0,
    pause=0.001,
)
WORKER = WorkerPolicy(capacity=16, poll=0.02, queue=0.1, lease=LeasePolicy(ttl=PATIENCE, heartbeat=0.05))


def command(key: str = "") -> Command:
    return Command(team="alpha", rpc="test", key=key, fingerprint=b"", encode=lambda result: result.id.encode())


def step(step_id: str, kind: StepType, *parents: str, **fields: Any) -> StepDefinition:
    jobs = {StepType.TRAIN, StepType.EVALUATE, StepType.CUSTOM, StepType.BUILD}
    config = fields.pop("config", {}) | ({"module": "work.it"} if kind in jobs else {})
    return StepDefinition(id=step_id, type=kind, depends_on=parents, config=config, **fields)


DEPLOYMENT = (
    step("validate", StepType.VALIDATE),
    step("deploy", StepType.DEPLOY, max_retries=1),
    step("canary", StepType.CANARY, config={"weight_bps": 500, "min_seconds": 0}),
    step("promote", StepType.PROMOTE, max_retries=1),
)
TRAINING = (
    step("train", StepType.TRAIN, config={"outputs": ["model.onnx", "profile.json"]}),
    step("evaluate", StepType.EVALUATE, "train", config={"minimum": {"auc": 0.65}}),
    step("register", StepType.REGISTER, "evaluate", config={"model": "delays"}),
)


@dataclass
class Service:
    """policy, worker_policy: may be replaced before the first worker starts."""

    stores: MemoryStores
    world: World
    jobs: FakeJobs
    probe: FakeProbe
    policy: EnginePolicy = QUICK
    worker_policy: WorkerPolicy = WORKER
    clock: RunningClock = field(default_factory=RunningClock)
    saga: tuple[StepDefinition, ...] = DEPLOYMENT
    training: tuple[StepDefinition, ...] = TRAINING
    ann: Actor = ANN
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    unread: Callable[[], Awaitable[int]] = all_read
    written: Callable[[Progress], object] = lambda _: None
    settled: list[int] = field(default_factory=list)

    @property
    def do(self) -> SimpleNamespace:
        """The use-cases."""
        stores, clock, poll = self.stores, self.clock, 0.02
        return SimpleNamespace(
            create_pipeline=CreatePipeline(stores.transactions, MODULES, clock),
            update_pipeline=UpdatePipeline(stores.transactions, MODULES),
            delete_pipeline=DeletePipeline(stores.transactions, clock),
            trigger_execution=TriggerExecution(stores.transactions, clock),
            scale_deployment=ScaleDeployment(stores.transactions, stores.deployments),
            cancel_execution=CancelExecution(stores.transactions, clock),
            watch_execution=WatchExecution(stores.reads, stores.signals, clock, poll=poll),
            step_logs=StreamStepLogs(stores.reads, self.jobs, stores.signals, clock, poll=poll),
            queries=Queries(stores.reads, stores.deployments, stores.promotions, stores.statistics, clock),
        )

    @property
    def peers(self) -> engine.Peers:
        world = self.world
        return engine.Peers(
            registry=FakeRegistry(world),
            traffic=FakeTraffic(world),
            runtimes=FakeRuntimes(world),
            probe=self.probe,
            jobs=self.jobs,
            artifacts=FakeArtifacts(world),
            tokens=FakeJobTokens(world),
            secrets=FakeSecrets(world),
        )

    def worker(self) -> Worker:
        stores = self.stores
        return engine.worker(
            engine.Stores(stores.transactions, stores.execution_store, stores.deployments, stores.signals),
            engine.steps(
                self.peers,
                stores.deployments,
                stores.statistics,
                self.policy,
                unread=self.unread,
                modules=MODULES,
                clock=self.clock,
            ),
            self.policy,
            self.worker_policy,
            self.clock,
            written=self.written,
            in_flight=lambda count: self.idle.clear() if count else self.idle.set(),
        )

    @property
    def reconciler(self) -> Reconciler:
        stores = self.stores
        peers = self.peers
        kept_up = (stores.transactions, stores.deployments, peers.runtimes, peers.probe, self.clock)
        follow_scale = FollowScale(*kept_up, drain=self.policy.drain, settled=lambda: self.settled.append(1))
        return Reconciler(*kept_up, follow_scale=follow_scale, every=0.02)

    @asynccontextmanager
    async def working(self, workers: int = 1) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self.worker().run()) for _ in range(workers)]
            yield
            for task in tasks:
                task.cancel()

    async def pipeline(self, kind: PipelineType, *steps: StepDefinition, name: str = "p") -> Pipeline:
        return await self.do.create_pipeline(ANN, PipelineDraft(name, kind, steps), command())

    async def trigger(self, pipeline: Pipeline, **given: Any) -> Execution:
        return await self.do.trigger_execution(ANN, pipeline.id, given, Cause("ann"), command())

    async def ended(self, execution_id: str) -> Execution:
        """Watches it to its end."""
        async with asyncio.timeout(PATIENCE):
            async for sighting in self.do.watch_execution(
                "alpha", execution_id, after_sequence=0, include_current_state=False
            ):
                if sighting.execution.status.ended:
                    return await self.do.queries.execution("alpha", execution_id)
        raise AssertionError("the watch ended before the execution")

    async def until(self, execution_id: str, condition: Callable[[Execution], bool]) -> Execution:
        """Looks until the condition holds; it may ask about anything, not only about the execution."""
        async with asyncio.timeout(PATIENCE):
            while not condition(seen := await self.do.queries.execution("alpha", execution_id)):
                await asyncio.sleep(0.001)
        return seen

    async def run(self, kind: PipelineType, *steps: StepDefinition, name: str = "p", **given: Any) -> Execution:
        """Create, trigger and let one worker run it to its end."""
        execution = await self.trigger(await self.pipeline(kind, *steps, name=name), **given)
        async with self.working():
            return await self.ended(execution.id)

    async def deploy(self, version: str, *steps: StepDefinition, model: str = "delays") -> Execution:
        """A deployment saga from its trigger to its end."""
        name = f"deploy {model} {version} {len(self.stores.state.pipelines)}"
        return await self.run(
            PipelineType.DEPLOYMENT_SAGA, *(steps or self.saga), name=name, model=model, version=version
        )

    async def cancel(self, execution_id: str, reason: str = "") -> Execution:
        return await self.do.cancel_execution(ANN, execution_id, reason, command())

    async def watched(self, execution_id: str, **options: Any) -> list[Sighting]:
        """All that a watch of an ended execution shows."""
        options = {"after_sequence": 0, "include_current_state": False} | options
        return [seen async for seen in self.do.watch_execution("alpha", execution_id, **options)]

    def command(self, key: str = "") -> Command:
        return command(key)

    def step(self, step_id: str, kind: StepType, *parents: str, **fields: Any) -> StepDefinition:
        return step(step_id, kind, *parents, **fields)

    @property
    def live(self) -> dict[str, int]:
        """Weights of the live deployments, by version."""
        return {
            each.version: each.weight_bps
            for each in self.stores.state.deployments.values()
            if each.state.value == "LIVE"
        }

    @property
    def events(self) -> list[str]:
        return [event.type.removeprefix("fp.pipelines.") for event in self.stores.events]


@pytest.fixture
def service() -> Service:
    world = World()
    return Service(MemoryStores(RunningClock()), world, FakeJobs(world), FakeProbe(world))
