"""Changes in memory."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime

import fp_postgres
from fp_events import Event
from fp_kernel import Command

from fp_billing.adapters.events import to_event
from fp_billing.adapters.memory.state import State
from fp_billing.domain.accounts import Account
from fp_billing.domain.events import DomainEvent
from fp_billing.domain.invoices import Invoice, Line
from fp_billing.domain.periods import Period
from fp_billing.domain.plans import DEFAULT_PLAN, RatePlan
from fp_billing.domain.usage import UsageRecord

_NO_COMMAND = Command("", "", "", b"", lambda _: b"")


class MemoryTransactions:
    """`app.ports.Transactions`; a transaction that fails leaves the state as it was."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._transactions = fp_postgres.MemoryTransactions(
            state.plans, state.teams, state.periods, state.usage, state.invoices, state.numbers, source="billing"
        )

    @property
    def events(self) -> list[Event]:
        """What committed transactions told."""
        return self._transactions.events

    @asynccontextmanager
    async def __call__(self, command: Command | None = None) -> AsyncIterator["MemoryTransaction"]:
        async with self._transactions.transaction(command) as tx:
            yield MemoryTransaction(self._state, tx, command or _NO_COMMAND)


class MemoryTransaction:
    """`app.ports.Transaction`."""

    def __init__(self, state: State, tx: fp_postgres.MemoryTransaction, command: Command) -> None:
        self._state = state
        self._tx = tx
        self._command = command

    async def fresh(self, event_ids: Iterable[str]) -> set[str]:
        return await self._tx.inbox.fresh("billing", event_ids)

    async def hold(self, team: str) -> RatePlan:
        self._state.teams.setdefault(team, DEFAULT_PLAN.id)
        return self._state.plan_of(team)

    async def account(self, team: str, period: Period, plan: RatePlan) -> Account:
        kept = self._state.periods.get((team, period.start)) or Account(team, period, plan, used={})
        return replace(kept, used=self._state.used_in(team, period))

    async def recorded(self, team: str, keys: Iterable[str]) -> Mapping[str, UsageRecord]:
        return {key: self._state.usage[team, key] for key in keys if (team, key) in self._state.usage}

    async def add_usage(self, records: Sequence[UsageRecord]) -> None:
        for record in records:
            if (record.team, record.key) in self._state.usage:
                raise AssertionError(f"{record.key} is metered twice")
            self._state.usage[record.team, record.key] = replace(record, trace={})

    async def save_account(self, account: Account) -> None:
        self._state.periods[account.team, account.period.start] = account

    async def add_plan(self, plan: RatePlan, by: str) -> bool:  # noqa: ARG002 -- nothing reads it here
        if any(other.name == plan.name for other in self._state.plans.values()):
            return False
        self._state.plans[plan.id] = plan
        return True

    async def plan(self, plan_id: str) -> RatePlan | None:
        return self._state.plans.get(plan_id)

    async def assign(self, team: str, plan: RatePlan, by: str, now: datetime) -> None:  # noqa: ARG002 -- as above
        self._state.teams[team] = plan.id

    async def lines(self, team: str, period: Period) -> Sequence[Line]:
        return self._state.lines(team, period)

    async def invoice(self, team: str, period: Period) -> Invoice | None:
        invoices = self._state.invoices.values()
        return next((each for each in invoices if each.team == team and each.period == period), None)

    async def save_invoice(self, invoice: Invoice) -> None:
        self._state.invoices[invoice.id] = invoice

    async def next_number(self) -> int:
        self._state.numbers["last"] += 1
        return self._state.numbers["last"]

    def emit(self, event: DomainEvent) -> None:
        self._tx.outbox.add(to_event(event))

    async def complete(self, result: object) -> None:
        await self._tx.complete(self._command, result)
