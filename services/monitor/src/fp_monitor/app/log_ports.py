"""Ports of the prediction log."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from fp_kernel import Command, PageRequest

from fp_monitor.domain.entities import ErasedEntity
from fp_monitor.domain.id_filter import IdMarks
from fp_monitor.domain.log import Label, LogFile, Policy

Model = tuple[str, str]
"""Team and name."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What is logged of a model. oldest, newest: None when nothing is."""

    predictions: int
    bytes: int
    oldest: datetime | None
    newest: datetime | None


@dataclass(frozen=True, slots=True)
class Mergeable:
    """Files of one model and day that may become fewer."""

    team: str
    model_name: str
    day: date


class ErasedEntities(Protocol):
    """Whose predictions were erased."""

    async def add(self, team: str, model_name: str, entity: ErasedEntity, at: datetime) -> None: ...

    async def count(self, team: str, model_name: str) -> int: ...

    async def of(self, models: Sequence[Model]) -> Mapping[Model, Sequence[ErasedEntity]]:
        """By number; those too that no file has any more, as long as an event may bring them again."""

    async def to_rewrite(self, after: Model) -> tuple[Model, int] | None:
        """The first model behind that one of which files may have something, and the number of its last erasure."""

    async def rewritten(self, team: str, model_name: str, number: int) -> None:
        """No file has anything of those up to this number."""

    async def forget(self, before: datetime, limit: int) -> int:
        """A bite of erasures that are done, so old that no event can bring anything again; how many they were."""


class Deletions(Protocol):
    """Logs that were deleted and have files yet."""

    async def begin(self, team: str, model_name: str, at: datetime) -> None: ...

    async def under_way(self, team: str, model_name: str) -> bool: ...


class Policies(Protocol):
    async def lock(self, team: str, model_name: str) -> Policy | None:
        """Until the end of the transaction nobody else changes it, nor adds a file of the model."""

    async def save(self, policy: Policy) -> None: ...

    async def delete(self, team: str, model_name: str) -> None: ...

    async def same(self, policies: Sequence[Policy]) -> bool:
        """Whether all of them are still as given; they are until the end of the transaction."""

    async def hold(self, team: str, model_name: str) -> bool:
        """Whether the model has a log; it has until the end of the transaction."""


class LogFiles(Protocol):
    async def add(self, files: Sequence[LogFile]) -> bool:
        """They count from now on, and are waste no more. False when one was taken for old waste meanwhile."""

    async def replace(self, files: Sequence[LogFile], at: datetime) -> bool:
        """These, of one model, count no more and are waste. False when one of them did not count."""

    async def erased_up_to(self, file: LogFile, number: int) -> None:
        """It has nothing of the entities up to this number."""

    async def set_aside(self, file: LogFile) -> bool:
        """It cannot be read: it is merged and labelled no more. False when that was known, or it does not count."""

    async def remove_before(self, policy: Policy, day: date, at: datetime) -> int:
        """A bite of those of earlier days is waste; how many they were."""


class Erasures(Protocol):
    async def add(self, team: str, model_name: str, request_ids: Sequence[str], at: datetime) -> None: ...

    async def among(self, models: Sequence[Model], request_ids: Sequence[str]) -> bool:
        """Whether one of these predictions was erased. models: of each."""

    async def rewritten(self, team: str, model_name: str, request_ids: Sequence[str]) -> None: ...


class LogTransaction(Protocol):
    @property
    def policies(self) -> Policies: ...

    @property
    def files(self) -> LogFiles: ...

    @property
    def erasures(self) -> Erasures: ...

    @property
    def deletions(self) -> Deletions: ...

    @property
    def entities(self) -> ErasedEntities: ...

    async def fresh(self, consumer: str, event_ids: Iterable[str]) -> set[str]: ...

    async def complete(self, result: object) -> None: ...


class LogTransactions(Protocol):
    def __call__(self, command: Command | None = None) -> AbstractAsyncContextManager[LogTransaction]: ...


class LogReads(Protocol):
    """Outside of transactions."""

    async def policy(self, team: str, model_name: str) -> Policy | None: ...

    async def policies_of(self, models: Sequence[Model]) -> Mapping[Model, Policy]: ...

    async def policies(self, team: str, page: PageRequest) -> Sequence[Policy]:
        """By name."""

    async def logged(self, page: PageRequest) -> Sequence[Policy]:
        """Of all teams, those that take something, by team and name."""

    async def kept(self, page: PageRequest) -> Sequence[Policy]:
        """Of all teams, by team and name."""

    async def stored(self, team: str, model_name: str) -> Stored: ...

    async def files(
        self, team: str, model_name: str, *, since: datetime | None, until: datetime, after: LogFile | None, limit: int
    ) -> Sequence[LogFile]:
        """Newest last answer first: those with answers from since to until. after: of this list, seen already.

        None of a model without a log.
        """

    async def having(
        self,
        team: str,
        model_name: str,
        marks: IdMarks,
        *,
        since: datetime | None,
        until: datetime,
        after: LogFile | None,
        limit: int,
    ) -> Sequence[LogFile]:
        """Those of `files` that may have the prediction."""

    async def unchecked(self, team: str, model_name: str, number: int, limit: int) -> Sequence[LogFile]:
        """Those that may have something of the erased entities up to this number, newest first."""

    async def mergeable(self, today: date, least: int, limit: int) -> Sequence[Mergeable]:
        """Where at least so many files wait to be merged, or two of a day before today."""

    async def levels(self, chosen: Mergeable) -> Mapping[int, int]:
        """How many files wait of each level."""

    async def to_merge(self, chosen: Mergeable, level: int | None, limit: int) -> Sequence[LogFile]:
        """By level, then oldest first. level: None for all."""

    async def labels(self, team: str, model_name: str, request_ids: Sequence[str]) -> Mapping[str, Label]:
        """Of predictions that a label came for, as long as they are stored for labels."""

    async def to_label(self, before: date, limit: int) -> Sequence[LogFile]:
        """Files of earlier days without their labels."""

    async def erased(self, team: str, model_name: str, request_ids: Sequence[str]) -> set[str]: ...

    async def to_rewrite(self, limit: int, after: Model) -> tuple[Model, Sequence[str]] | None:
        """Predictions that were erased and may be in files yet, of the first model behind that one."""


class Waste(Protocol):
    """Objects that are part of nothing, each a step of its own."""

    async def begin(self, objects: Sequence[str], at: datetime) -> None:
        """They are about to be written."""

    async def old(self, before: datetime, limit: int) -> Sequence[str]: ...

    async def gone(self, objects: Sequence[str]) -> None: ...

    async def forget_erased(self, before: datetime, limit: int) -> int:
        """Erasures that are done, so old that no event can bring the prediction again; how many they were."""


class LeftFiles(Protocol):
    """Files of logs that were deleted, each call a step of its own."""

    async def remove(self, team: str, model_name: str, at: datetime) -> bool:
        """A bite of them is waste; False when none is left. Nothing of a log that was not deleted."""

    async def remove_any(self, at: datetime) -> bool:
        """Of the first such log."""


class Objects(Protocol):
    """As `fp_s3.ObjectStore`."""

    async def put(self, key: str, content: bytes, *, content_type: str = ...) -> None: ...

    async def get(self, key: str, *, limit: int) -> bytes | None: ...

    async def delete(self, keys: Sequence[str]) -> None: ...


@dataclass(frozen=True, slots=True)
class LogStores:
    """All that the log lies in."""

    transactions: LogTransactions
    reads: LogReads
    waste: Waste
    left: LeftFiles
    entities: ErasedEntities
    objects: Objects
