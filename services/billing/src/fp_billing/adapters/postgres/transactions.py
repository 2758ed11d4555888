"""Changes in Postgres."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from fp_kernel import NO_COMMAND, Command
from fp_postgres import Database
from fp_postgres import Transaction as PostgresTransaction

from fp_billing.adapters.events import to_event
from fp_billing.adapters.postgres import adjustments, invoices, reconciliation, storage, usage
from fp_billing.adapters.postgres.months import Months
from fp_billing.adapters.postgres.rows import PLAN, to_plan
from fp_billing.domain.accounts import Account
from fp_billing.domain.adjustments import Adjustment
from fp_billing.domain.events import DomainEvent
from fp_billing.domain.invoices import Contents, Invoice
from fp_billing.domain.meters import Fact, Meter
from fp_billing.domain.periods import Period, day_of
from fp_billing.domain.plans import DEFAULT_PLAN, RatePlan
from fp_billing.domain.reconciliation import Reconciliation
from fp_billing.domain.storage import ArchivedModel, RestoredModel, StoredVersion
from fp_billing.domain.sums import UsageSum
from fp_billing.domain.usage import UsageRecord

_ITSELF = "billing"

_HOLD = "SELECT rate_plan_id FROM accounts WHERE team = $1 FOR NO KEY UPDATE"
# Of an account that is locked: the plan of a used period is its own, of any other one the team's.
_PERIOD = f"""
SELECT {PLAN}, t.told, t.drafted, t.closed,
       EXISTS (SELECT FROM adjustments a WHERE a.team = t.team AND a.invoiced_in = $3) AS adjusted
FROM periods t JOIN rate_plans p ON p.id = t.rate_plan_id WHERE t.team = $1 AND t.starts_at = $2
"""  # noqa: S608 -- a constant


class PostgresTransactions:
    """`app.ports.Transactions` on a database. months: of facts; see `Months.ensure`."""

    def __init__(self, database: Database, months: Months) -> None:
        self._database = database
        self._months = months

    @asynccontextmanager
    async def __call__(self, command: Command | None = None) -> AsyncIterator["BillingTransaction"]:
        async with self._database.transaction(command) as tx:
            yield BillingTransaction(tx, command or NO_COMMAND, self._months)


class BillingTransaction:
    """`app.ports.Transaction`; made by `PostgresTransactions`."""

    def __init__(self, tx: PostgresTransaction, command: Command, months: Months) -> None:
        self._tx = tx
        self._command = command
        self._months = months

    async def fresh(self, consumer: str, event_ids: Iterable[str]) -> set[str]:
        return await self._tx.inbox.fresh(consumer, event_ids)

    async def hold(self, team: str, now: datetime) -> RatePlan:
        plan_id = await self._tx.fetchval(_HOLD, team)
        if plan_id is None:
            await self._tx.execute(
                """
                INSERT INTO accounts (team, rate_plan_id, assigned_by, assigned_at) VALUES ($1, $2, $3, $4)
                ON CONFLICT (team) DO NOTHING
                """,
                team,
                DEFAULT_PLAN.id,
                _ITSELF,
                now,
            )
            plan_id = await self._tx.fetchval(_HOLD, team)
        plan = await self.plan(plan_id)
        if plan is None:
            raise RuntimeError("an account's rate plan is not there")
        return plan

    async def account(self, team: str, period: Period, plan: RatePlan) -> Account:
        row = await self._tx.fetchrow(_PERIOD, team, period.start, day_of(period.start))
        if row is None:
            return Account(team, period, plan, used={})
        return Account(
            team=team,
            period=period,
            plan=to_plan(row),
            used=await usage.used(self._tx, team, period),
            told=frozenset(Meter(meter) for meter in row["told"]),
            drafted=row["drafted"],
            closed=row["closed"],
            adjusted=row["adjusted"],
        )

    async def recorded(self, team: str, facts: Iterable[Fact]) -> Mapping[Fact, UsageRecord]:
        return await usage.recorded(self._tx, team, facts, self._months)

    async def add_usage(self, records: Sequence[UsageRecord]) -> None:
        await usage.add(self._tx, records, self._months)
        await usage.count(self._tx, records)
        await usage.add_untold(self._tx, records)

    async def store_version(self, team: str, version: StoredVersion) -> None:
        await storage.store(self._tx, team, version)

    async def archive_model(self, team: str, model: ArchivedModel) -> None:
        await storage.archive(self._tx, team, model)

    async def restore_model(self, team: str, model: RestoredModel) -> None:
        await storage.restore(self._tx, team, model)

    async def unpaid_versions(self, team: str, month: Period, limit: int) -> Sequence[tuple[StoredVersion, Period]]:
        return await storage.unpaid(self._tx, team, month, limit)

    async def pay_versions(self, team: str, version_ids: Sequence[str], month: Period) -> None:
        await storage.pay(self._tx, team, version_ids, month)

    async def take_untold(self, team: str, limit: int) -> Sequence[UsageSum]:
        return await usage.take_untold(self._tx, team, limit)

    async def save_account(self, account: Account) -> None:
        # Most batches change nothing here, and then write nothing.
        await self._tx.execute(
            """
            INSERT INTO periods AS kept (team, starts_at, rate_plan_id, told, drafted, closed)
            VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (team, starts_at) DO UPDATE
            SET rate_plan_id = excluded.rate_plan_id, told = excluded.told, drafted = excluded.drafted,
                closed = excluded.closed
            WHERE (kept.rate_plan_id, kept.told, kept.drafted, kept.closed)
                  IS DISTINCT FROM (excluded.rate_plan_id, excluded.told, excluded.drafted, excluded.closed)
            """,
            account.team,
            account.period.start,
            account.plan.id,
            sorted(account.told),
            account.drafted,
            account.closed,
        )

    async def add_plan(self, plan: RatePlan, by: str) -> bool:
        status = await self._tx.execute(
            """
            INSERT INTO rate_plans (id, name, currency, created_at, created_by) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (name) DO NOTHING
            """,
            plan.id,
            plan.name,
            plan.currency,
            plan.created_at,
            by,
        )
        if status != "INSERT 0 1":
            return False
        await self._tx.executemany(
            """
            INSERT INTO rates (rate_plan_id, meter, price_micros, included, quota, per_units)
            VALUES ($1, $2, $3, $4, $5, $6)
            """,
            [
                (plan.id, meter, rate.price_micros, rate.included, rate.quota, rate.per_units)
                for meter, rate in plan.rates.items()
            ],
        )
        return True

    async def plan(self, plan_id: str) -> RatePlan | None:
        row = await self._tx.fetchrow(f"SELECT {PLAN} FROM rate_plans p WHERE p.id = $1", plan_id)  # noqa: S608 -- a constant
        return to_plan(row) if row else None

    async def assign(self, team: str, plan: RatePlan, by: str, now: datetime) -> None:
        await self._tx.execute(
            "UPDATE accounts SET rate_plan_id = $2, assigned_by = $3, assigned_at = $4 WHERE team = $1",
            team,
            plan.id,
            by,
            now,
        )

    async def contents(self, team: str, period: Period) -> Contents:
        return await invoices.contents(self._tx, team, period)

    async def add_adjustment(self, adjustment: Adjustment) -> None:
        await adjustments.add(self._tx, adjustment)

    async def reconcile(self, parts: Sequence[Reconciliation]) -> None:
        await reconciliation.add(self._tx, parts)

    async def invoice(self, team: str, period: Period) -> Invoice | None:
        return await invoices.invoice(self._tx, team, period)

    async def invoice_by_id(self, team: str, invoice_id: str) -> Invoice | None:
        return await invoices.invoice_by_id(self._tx, team, invoice_id)

    async def save_invoice(self, invoice: Invoice) -> None:
        await invoices.save(self._tx, invoice)

    async def next_number(self) -> int:
        number: int = await self._tx.fetchval("UPDATE invoice_numbers SET last = last + 1 RETURNING last")
        return number

    def emit(self, event: DomainEvent) -> None:
        self._tx.outbox.add(to_event(event))

    async def complete(self, result: object) -> None:
        await self._tx.complete(self._command, result)
