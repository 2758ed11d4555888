"""Ports of the use-cases and the engine."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from datetime import datetime
from typing import Protocol

from fp_kernel import Command, PageRequest

from fp_pipeline.domain.definition import Pipeline, PipelineType
from fp_pipeline.domain.deployment import Deployment
from fp_pipeline.domain.events import Event
from fp_pipeline.domain.execution import Cancellation, Execution, ExecutionStatus, Transition
from fp_pipeline.domain.lease import Lease
from fp_pipeline.domain.logs import LogLine
from fp_pipeline.domain.progress import Progress
from fp_pipeline.domain.promotion import Promotion
from fp_pipeline.domain.replicas import Replicas
from fp_pipeline.domain.statistics import Counts, Gap, Try
from fp_pipeline.domain.traffic import Weights


class PipelineStore(Protocol):
    async def add(self, pipeline: Pipeline) -> None:
        """Raises AlreadyExists when the team has a pipeline of this name."""

    async def find(self, team: str, pipeline_id: str) -> Pipeline | None:
        """One that was not deleted."""

    async def lock(self, team: str, pipeline_id: str) -> Pipeline | None:
        """The same, nobody else's to change until the transaction ends."""

    async def change(self, present: Pipeline, changed: Pipeline) -> None:
        """Of a locked one; a new revision keeps the old one for its executions. Raises AlreadyExists for the name."""

    async def starter_of(self, team: str, pipeline_id: str) -> str:
        """Name of a pipeline that starts this one when it ends; empty without."""

    async def delete(self, pipeline_id: str, at: datetime) -> None:
        """Out of every list; the name stays taken, and executions keep their steps."""


class ExecutionStore(Protocol):
    async def add(self, execution: Execution) -> None:
        """With its steps and its first transition; wakes a worker."""

    async def find(self, team: str, execution_id: str) -> Execution | None:
        """Locked until the transaction ends. A team's view: another team's is not there."""

    async def any_open(self, team: str, pipeline_id: str) -> bool:
        """Whether an execution of the pipeline has not ended."""

    async def idle(self, execution_id: str) -> bool:
        """Whether no worker holds a live lease of the (locked) execution."""

    async def save(self, progress: Progress, lease: Lease | None) -> None:
        """Write what changed and wake the watchers.

        lease: None only for a locked execution that is idle. Raises LeaseLost.
        """

    async def ask_to_cancel(self, execution_id: str, cancellation: Cancellation) -> None:
        """Leave the request for the worker and wake it."""

    async def end(self, execution_id: str) -> None:
        """Give back what an ended execution held: its turn to deploy a model."""


class DeploymentStore(Protocol):
    async def deploy(self, deployment: Deployment) -> Deployment | None:
        """Keep it with its weight: everything for the model's first live version, else nothing.

        None when it is there already.
        """

    async def set_weights(self, team: str, model_name: str, weights: Weights) -> None: ...

    async def undeploy(self, runtime: str, stop_at: datetime) -> Deployment | None:
        """LIVE -> DRAINING; None when it is not live."""

    async def others(self, team: str, model_name: str, runtime: str) -> Sequence[Deployment]:
        """Live deployments of the model beside this one, locked."""

    async def move(self, runtime: str, endpoint: str, *, shared: bool) -> Deployment | None:
        """A live deployment answers at another address; None when it is not live."""

    async def scale(self, team: str, model_name: str, version: str, replicas: Replicas) -> Deployment | None:
        """So many are wanted from now on, and what runs has to follow; None when no such version is live by itself."""

    async def announce(self, runtime: str, replicas: Replicas, endpoint: str, trim_at: datetime) -> Deployment | None:
        """So many answer at this target; None when others are wanted by now. trim_at: when those beside it may end."""


class PromotionStore(Protocol):
    async def watch(self, promotion: Promotion) -> None:
        """In the place of the model's promotion before."""

    async def lock(self, team: str, model_name: str) -> Promotion | None:
        """The newest of the model, nobody else's to change until the transaction ends."""

    async def change(self, promotion: Promotion) -> None:
        """Its state, reason and end."""

    async def claim_turn(self, promotion: Promotion) -> str:
        """Takes the model's turn in the name of the promotion's execution, which has ended; who has it."""


class PromotionReads(Protocol):
    async def find(self, team: str, model_name: str) -> Promotion | None: ...

    async def unended(self, after: Promotion | None, limit: int) -> Sequence[Promotion]:
        """Watched ones and those that are being rolled back, oldest first, those of one moment by team and model.

        after: the last one of the page before; None for the first page.
        """


class PromotionsEnded(Protocol):
    def __call__(self, promotion: Promotion, /) -> object:
        """Told of each end of a promotion, when it was committed."""


class LogStore(Protocol):
    async def append(self, execution_id: str, step_id: str, texts: Sequence[str], skipped: int, at: datetime) -> None:
        """Number the lines after those kept already and `skipped` ones that are not kept."""


class StatisticsStore(Protocol):
    async def count(self, consumer: str, tries: Sequence[Try]) -> int:
        """Add those whose events this consumer has not taken before; how many that were."""

    async def lost(self, consumer: str, gap: Gap) -> None:
        """Note what this consumer will never count. Replicas may each find a part of one gap, with the same end."""


class RetrainStore(Protocol):
    async def claim(self, team: str, report_id: str, execution_id: str) -> bool:
        """Note that this execution answers the report; False when another one does. A twin waits for the first."""


class Outbox(Protocol):
    def add(self, event: Event) -> None: ...


class Transaction(Protocol):
    """One transaction, with its stores by noun."""

    @property
    def pipelines(self) -> PipelineStore: ...

    @property
    def executions(self) -> ExecutionStore: ...

    @property
    def deployments(self) -> DeploymentStore: ...

    @property
    def promotions(self) -> PromotionStore: ...

    @property
    def logs(self) -> LogStore: ...

    @property
    def statistics(self) -> StatisticsStore: ...

    @property
    def retrains(self) -> RetrainStore: ...

    @property
    def outbox(self) -> Outbox: ...

    async def complete(self, result: object) -> None: ...


class Transactions(Protocol):
    def __call__(self, command: Command | None = None) -> AbstractAsyncContextManager[Transaction]: ...


class Leases(Protocol):
    async def claim(self, holder: str, limit: int, ttl: float, but: frozenset[str] = frozenset()) -> Sequence[Lease]:
        """Executions that nobody works on, oldest first; each goes to one claimer.

        but: those that the claimer works on already, though their leases ran out.
        """

    async def renew(self, lease: Lease, ttl: float) -> Cancellation | None:
        """Keep it for `ttl` more seconds; the request to cancel, when there is one. Raises LeaseLost."""

    async def release(self, lease: Lease, pause: float) -> None:
        """Let another worker have it after `pause` seconds. A lost lease is left alone."""

    async def load(self, lease: Lease) -> Execution:
        """The execution as it is now. Raises LeaseLost."""


class Reads(Protocol):
    async def pipeline(self, team: str, pipeline_id: str) -> Pipeline | None: ...

    async def pipeline_named(self, team: str, name: str) -> Pipeline | None: ...

    async def pipelines(self, team: str, kind: PipelineType | None, page: PageRequest) -> Sequence[Pipeline]: ...

    async def execution(self, team: str, execution_id: str) -> Execution | None: ...

    async def executions(
        self, team: str, pipeline_id: str, status: ExecutionStatus | None, page: PageRequest
    ) -> Sequence[Execution]:
        """Newest first, without their steps."""

    async def transitions(self, execution: Execution, after: int, limit: int) -> Sequence[Transition]:
        """Those with a greater number, in order."""

    async def log(self, execution_id: str, step_id: str, after: int, limit: int) -> Sequence[LogLine]: ...

    async def last_line(self, execution_id: str, step_id: str) -> int:
        """Number of the newest kept line; 0 without any."""


class Deployments(Protocol):
    """Reads and small moves of deployments outside of an execution's transaction."""

    async def live(self, team: str, model_name: str) -> Sequence[Deployment]: ...

    async def page(self, page: PageRequest) -> Sequence[Deployment]:
        """Live deployments of every team."""

    async def find(self, runtime: str) -> Deployment | None: ...

    async def all_live(self) -> Sequence[Deployment]: ...

    async def drained(self, now: datetime) -> Sequence[Deployment]:
        """DRAINING ones whose time to stop has come."""

    async def gone(self, runtime: str) -> None:
        """DRAINING -> GONE."""

    async def settle(self, runtime: str, replicas: Replicas) -> bool:
        """What runs is what is wanted; False when others are wanted by now."""

    async def take_turn(self, team: str, model_name: str, execution_id: str) -> str:
        """One execution at a time deploys a model: the id of the one whose turn it is."""

    async def in_use(self, runtimes: Sequence[str]) -> frozenset[str]:
        """Those that a deployment that is not GONE, or an attempt that runs, has a right to."""


class Statistics(Protocol):
    async def since(self, team: str, model_name: str, moment: datetime) -> Mapping[str, Counts]:
        """What was counted by version, from the minute of `moment` on."""

    async def newest_gap(self, moment: datetime) -> Gap | None:
        """Of those that ended at the moment or later."""

    async def forget(self, before: datetime) -> int:
        """Drop minutes and gaps before; how many rows that were."""


class Unread(Protocol):
    async def __call__(self) -> int:
        """Events for the statistics that no replica has read yet. Raises Unavailable when nobody can say."""


class Subscription(Protocol):
    async def wait(self, seconds: float) -> bool:
        """Until the next signal since the last wait; False after `seconds` without one."""


class Signals(Protocol):
    """Wakes what waits for a change made by any replica. A signal may get lost: whoever waits also polls."""

    def subscribe(self, topic: str) -> AbstractContextManager[Subscription]: ...


WORK = "work"


def changed(execution_id: str) -> str:
    return f"changed:{execution_id}"


def cancelling(execution_id: str) -> str:
    return f"cancelling:{execution_id}"
