"""Ports of billing's use-cases."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from fp_kernel import Command, PageRequest

from fp_billing.domain.accounts import Account, Assignment
from fp_billing.domain.adjustments import Adjustment
from fp_billing.domain.events import DomainEvent
from fp_billing.domain.invoices import Contents, Invoice, Status
from fp_billing.domain.meters import Fact, Meter
from fp_billing.domain.periods import Period
from fp_billing.domain.plans import Money, RatePlan
from fp_billing.domain.quotas import Quota
from fp_billing.domain.reconciliation import Reconciliation
from fp_billing.domain.storage import ArchivedModel, RestoredModel, StoredVersion
from fp_billing.domain.sums import UsageSum
from fp_billing.domain.usage import UsageRecord


class Accounts(Protocol):
    async def hold(self, team: str, now: datetime) -> RatePlan:
        """Lock everything of the team until the end; the plan it is on, the default one from now on if it had none.

        Whoever holds several teams takes them in the order of their names.
        """

    async def find(self, team: str, period: Period, plan: RatePlan) -> Account:
        """Of a team that is held. plan: for a period that was not used yet."""

    async def save(self, account: Account) -> None:
        """All of it but what was used, which `Usage.add` counts."""

    async def assignment(self, team: str) -> Assignment: ...

    async def assign(self, team: str, plan: RatePlan, by: str, now: datetime) -> None:
        """Put a team that is held on the plan."""


class Plans(Protocol):
    async def add(self, plan: RatePlan, by: str) -> bool:
        """False when the name is taken."""

    async def find(self, plan_id: str) -> RatePlan | None: ...


class Usage(Protocol):
    """Of teams that are held."""

    async def recorded(self, team: str, facts: Iterable[Fact]) -> Mapping[Fact, UsageRecord]:
        """Which of these facts the team has been metered for already."""

    async def add(self, records: Sequence[UsageRecord]) -> None:
        """Store the records, count them in their days, and add them to the sums that are to be published."""

    async def take_unpublished(self, team: str, limit: int) -> Sequence[UsageSum]:
        """Sums of the team that were not published yet; they count as published with this transaction."""


class Storage(Protocol):
    """Stored versions of models, of teams that are held."""

    async def add(self, team: str, version: StoredVersion) -> None:
        """One that is known stays as it is. It ends with its model, whichever event comes first."""

    async def archive(self, team: str, model: ArchivedModel) -> None:
        """No version of the model counts after that month. Nothing changes when a later return is known already."""

    async def restore(self, team: str, model: RestoredModel) -> None:
        """Its versions count again. Nothing changes when a later archive is known already."""

    async def unpaid(self, team: str, month: Period, limit: int) -> Sequence[tuple[StoredVersion, Period]]:
        """Versions that are to be metered up to the month; with the last month of each."""

    async def pay(self, team: str, version_ids: Sequence[str], month: Period) -> None:
        """They are metered up to the month."""


class Invoices(Protocol):
    async def contents(self, team: str, period: Period) -> Contents:
        """What was used in the period, by meter and plan, and the corrections that stand on its invoice."""

    async def find(self, team: str, period: Period) -> Invoice | None:
        """The one that holds, not a void one."""

    async def by_id(self, team: str, invoice_id: str) -> Invoice | None: ...

    async def save(self, invoice: Invoice) -> None: ...

    async def next_number(self) -> int:
        """The number after the last one; given back when the transaction fails, so that none is missing."""


class Adjustments(Protocol):
    async def add(self, adjustment: Adjustment) -> None:
        """Of a team that is held."""


class Reconciliations(Protocol):
    async def add(self, parts: Sequence[Reconciliation]) -> None:
        """Of teams that are held: add to both sides. A day that was settled is open again."""


class Outbox(Protocol):
    def add(self, event: DomainEvent) -> None:
        """Publish the event, if and only if the transaction commits."""


class Transaction(Protocol):
    """One change, its events and the command's answer: all or nothing."""

    @property
    def accounts(self) -> Accounts: ...

    @property
    def plans(self) -> Plans: ...

    @property
    def usage(self) -> Usage: ...

    @property
    def storage(self) -> Storage: ...

    @property
    def invoices(self) -> Invoices: ...

    @property
    def adjustments(self) -> Adjustments: ...

    @property
    def reconciliations(self) -> Reconciliations: ...

    @property
    def outbox(self) -> Outbox: ...

    async def fresh(self, consumer: str, event_ids: Iterable[str]) -> set[str]:
        """Note events of the bus that this durable took; those whose effect is not here yet."""

    async def complete(self, result: object) -> None:
        """What the command answers, now and when it is repeated."""


class Transactions(Protocol):
    def __call__(self, command: Command | None = None) -> AbstractAsyncContextManager[Transaction]:
        """Raises fp_kernel.Replayed when the command was done before."""


class Granularity(StrEnum):
    """How wide a summary is."""

    MONTH = "month"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which usage is asked for. start, end: whole days, the end is not in it. meter: None is every one."""

    team: str
    start: date
    end: date
    granularity: Granularity = Granularity.MONTH
    meter: Meter | None = None


@dataclass(frozen=True, slots=True)
class MeterSum:
    quantity: int
    cost_micros: int


@dataclass(frozen=True, slots=True)
class Summary:
    """start: first day of the month or the day itself. currency: a month has one."""

    start: date
    currency: str
    meters: Mapping[Meter, MeterSum]


@dataclass(frozen=True, slots=True)
class Due:
    team: str
    invoice_id: str
    due_at: datetime


class Books(Protocol):
    """What goes over the days of all teams; no team is held."""

    async def settle(self, before: date, limit: int) -> int:
        """Mark days before `before` whose two sides are equal, at most `limit`; how many it were."""

    async def forget(self, before: date, limit: int) -> int:
        """Delete what is of days before `before`, at most `limit` rows; how many it were."""


class Reads(Protocol):
    async def plan(self, plan_id: str) -> RatePlan | None: ...

    async def plan_named(self, name: str) -> RatePlan | None: ...

    async def plans(self, page: PageRequest) -> tuple[Sequence[RatePlan], str]:
        """Newest first; the position after the last one, empty on the last page."""

    async def plan_of(self, team: str) -> RatePlan:
        """The plan the team is on; the default one of a team that was given none."""

    async def quota(self, team: str, meter: Meter, period: Period) -> tuple[RatePlan, Quota, int]:
        """With the revision of the plan's assignment."""

    async def usage(self, wanted: Wanted, page: PageRequest) -> tuple[Sequence[Summary], str]:
        """The months or days that have usage, newest first, and the position after the last one."""

    async def costs(self, wanted: Wanted) -> Sequence[Money]:
        """What all of it costs, one sum a currency."""

    async def invoice(self, invoice_id: str, team: str) -> Invoice | None:
        """team: empty is any."""

    async def invoices(self, team: str, status: Status | None, page: PageRequest) -> tuple[Sequence[Invoice], str]:
        """Newest first; the position after the last one, empty on the last page."""

    async def adjustments(self, team: str, page: PageRequest) -> tuple[Sequence[Adjustment], str]:
        """Newest first; the position after the last one, empty on the last page."""

    async def reconciliation(
        self, team: str, start: date, end: date, page: PageRequest, *, unsettled_only: bool
    ) -> tuple[Sequence[Reconciliation], str]:
        """Of the days from `start` to before `end`, newest first; the position after the last one."""

    async def unsettled(self, before: date, limit: int) -> Sequence[Reconciliation]:
        """Of days before `before`, of every team, the oldest first."""

    async def to_invoice(
        self, before: Period, final_before: Period, after: tuple[Period, str] | None, limit: int
    ) -> Sequence[tuple[str, Period]]:
        """Open accounts of periods before `before` whose draft is missing or incomplete; of periods before
        `final_before` every open one. By period and team, those behind `after`.
        """

    async def storing(self, month: Period, after: str, limit: int) -> Sequence[str]:
        """Teams behind `after`, in their order, that store something not metered up to the month."""

    async def teams_to_publish(self, after: str, limit: int) -> Sequence[str]:
        """Teams behind `after`, in their order, that have usage which was not published yet."""

    async def usage_waiting(self, limit: int) -> int:
        """How many events of usage the bus has not taken yet, counted up to the limit."""

    async def due(self, now: datetime, after: Due | None, limit: int) -> Sequence[Due]:
        """Final invoices whose time to be paid is over, the longest overdue first, those behind `after`."""
