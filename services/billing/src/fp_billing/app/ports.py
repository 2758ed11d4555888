"""What the use-cases need from the outside."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from fp_kernel import Command, PageRequest

from fp_billing.domain.accounts import Account
from fp_billing.domain.events import DomainEvent
from fp_billing.domain.invoices import Invoice, Line, Status
from fp_billing.domain.meters import Meter
from fp_billing.domain.periods import Period
from fp_billing.domain.plans import Money, RatePlan
from fp_billing.domain.quotas import Quota
from fp_billing.domain.usage import UsageRecord


class Transaction(Protocol):
    """One change, its events and the command's answer: all or nothing."""

    async def fresh(self, event_ids: Iterable[str]) -> set[str]:
        """Note events of the bus; those whose effect is not here yet."""

    async def hold(self, team: str) -> RatePlan:
        """Lock everything of the team until the end; the plan it is on.

        Whoever holds several teams takes them in the order of their names.
        """

    async def account(self, team: str, period: Period, plan: RatePlan) -> Account:
        """Of a team that is held. plan: for a period that was not used yet."""

    async def recorded(self, team: str, keys: Iterable[str]) -> Mapping[str, UsageRecord]:
        """Which of these facts the team, which is held, has been metered for already."""

    async def add_usage(self, records: Sequence[UsageRecord]) -> None:
        """Keep the records, and count them in their days."""

    async def save_account(self, account: Account) -> None:
        """All of it but what was used, which `add_usage` counts."""

    async def add_plan(self, plan: RatePlan, by: str) -> bool:
        """False when the name is taken."""

    async def plan(self, plan_id: str) -> RatePlan | None: ...

    async def assign(self, team: str, plan: RatePlan, by: str, now: datetime) -> None:
        """Of a team that is held."""

    async def lines(self, team: str, period: Period) -> Sequence[Line]:
        """What was used in the period, by meter and plan."""

    async def invoice(self, team: str, period: Period) -> Invoice | None: ...

    async def save_invoice(self, invoice: Invoice) -> None: ...

    async def next_number(self) -> int:
        """The number after the last one; given back when the transaction fails, so that none is missing."""

    def emit(self, event: DomainEvent) -> None:
        """Leaves for the bus with the change."""

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


class Reads(Protocol):
    async def plan(self, plan_id: str) -> RatePlan | None: ...

    async def plans(self, page: PageRequest) -> tuple[Sequence[RatePlan], str]:
        """Newest first; the position after the last one, empty on the last page."""

    async def plan_of(self, team: str) -> RatePlan:
        """The plan the team is on; the default one of a team that was given none."""

    async def quota(self, team: str, meter: Meter, period: Period) -> tuple[RatePlan, Quota]: ...

    async def usage(self, wanted: Wanted, page: PageRequest) -> tuple[Sequence[Summary], str]:
        """The months or days that have usage, newest first, and the position after the last one."""

    async def costs(self, wanted: Wanted) -> Sequence[Money]:
        """What all of it costs, one sum a currency."""

    async def invoice(self, invoice_id: str, team: str) -> Invoice | None:
        """team: empty is any."""

    async def invoices(self, team: str, status: Status | None, page: PageRequest) -> tuple[Sequence[Invoice], str]:
        """Newest first; the position after the last one, empty on the last page."""

    async def to_invoice(self, before: Period, final_before: Period, limit: int) -> Sequence[tuple[str, Period]]:
        """Open accounts of periods before `before` whose draft is missing or incomplete; of periods before
        `final_before` every open one. Oldest first.
        """

    async def due(self, now: datetime, limit: int) -> Sequence[tuple[str, Period]]:
        """Final invoices whose time to be paid is over, the longest overdue first."""
