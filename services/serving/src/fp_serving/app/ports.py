"""Ports of loading and answering."""

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

from fp_kernel.ensembles import Ensemble, Step
from fp_kernel.signatures import Signature
from fp_kernel.tensors import Tensor

from fp_serving.app.slot import VersionFacts
from fp_serving.domain.arrays import Array
from fp_serving.domain.schema import Schema


class Registry(Protocol):
    async def version(self, version_id: str) -> VersionFacts:
        """Raises LoadFailed when the version can never be served, NotFound, Unavailable."""
        ...

    async def download_url(self, version_id: str) -> str: ...


class Names(Protocol):
    async def version_id(self, model_name: str, version: str) -> str:
        """Of a version of the team by its label. Raises NotFound, Unavailable."""
        ...


class Attempts(Protocol):
    def attempt(self, facts: VersionFacts) -> AbstractAsyncContextManager[None]:
        """Entered before a load and left after it, unless the process ends in between.

        Raises Quarantined when that has happened too often.
        """
        ...


class Members(Protocol):
    """The versions that an ensemble runs."""

    async def up(self, steps: Sequence[Step]) -> Mapping[str, Signature]:
        """Waits until all are READY; what each takes and gives, by the name of the step.

        Raises LoadFailed, with the reason of the one that cannot be served.
        """
        ...

    async def ask(self, step: Step, inputs: Mapping[str, Tensor], *, deadline: float) -> Mapping[str, Tensor]:
        """One answer, which is counted for nobody but the ensemble. Raises what `Predict` raises."""
        ...


class Artifacts(Protocol):
    """Artifacts on this machine, by digest; blocking calls run in threads."""

    async def recall(self, version_id: str) -> VersionFacts | None:
        """What an earlier process of this version learned from the registry."""
        ...

    async def remember(self, facts: VersionFacts) -> None: ...

    async def ensemble(self, path: Path) -> Ensemble | None:
        """What the artifact says when it is no model of its own. Raises LoadFailed."""
        ...

    async def find(self, digest: str) -> Path | None:
        """The artifact when it is here and its content has the digest."""
        ...

    async def fetch(self, facts: VersionFacts, url: Callable[[], Awaitable[str]]) -> Path:
        """Download the artifact.

        Raises LoadFailed when it is too large or gone, WrongDigest, Unavailable when it cannot be had now.
        """
        ...


class Model(Protocol):
    @property
    def schema(self) -> Schema: ...

    @property
    def row_wise(self) -> bool:
        """Whether its graph keeps the rows of a run apart."""
        ...

    @property
    def widens(self) -> bool:
        """Whether it has one thread and could have more."""
        ...

    def run(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """Blocking, from any thread. Raises InvalidArgument when the model cannot compute these values."""
        ...


class Engine(Protocol):
    def load(self, path: Path, *, wide: bool = False) -> Model:
        """wide: with all threads that a run may have. Blocking. Raises LoadFailed with a reason for people."""
        ...

    def samples(self, path: Path, schema: Schema) -> Sequence[Mapping[str, Tensor]]:
        """That were registered with the model. Blocking. Raises WarmUpFailed for one that does not fit."""
        ...


class Runner(Protocol):
    """Runs a loaded model on a bounded number of threads, joining requests where that is right."""

    def start(self, model: Model, *, shares: bool, seconds: float) -> None:
        """shares: whether requests may share a run. seconds: that a run of one row takes; infinite when unknown."""

    async def submit(
        self, inputs: Mapping[str, Array], *, key: Hashable | None, rows: int, deadline: float
    ) -> Mapping[str, Tensor]:
        """key: requests with the same one may share a run; None shares with nobody. deadline: on the monotonic clock.

        Raises ResourceExhausted when the queue is full, DeadlineExceeded, InvalidArgument.
        """
        ...

    @property
    def queue_age(self) -> float:
        """Seconds that the oldest waiting request has waited."""
        ...

    async def close(self) -> None:
        """Answer what waits, and end."""
        ...
