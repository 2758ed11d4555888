"""Accounts: the plan that a team is on, and what is known of each of its periods."""

from datetime import datetime

from fp_postgres import Transaction

from fp_billing.adapters.postgres.plans import PostgresPlans
from fp_billing.adapters.postgres.rows import PLAN, to_plan
from fp_billing.adapters.postgres.usage import used
from fp_billing.domain.accounts import Account, Assignment
from fp_billing.domain.meters import Meter
from fp_billing.domain.periods import Period, day_of
from fp_billing.domain.plans import DEFAULT_PLAN, RatePlan

_ITSELF = "billing"

_HOLD = "SELECT rate_plan_id FROM accounts WHERE team = $1 FOR NO KEY UPDATE"
# Of an account that is locked: the plan of a used period is its own, of any other one the team's.
_PERIOD = f"""
SELECT {PLAN}, t.told, t.drafted, t.closed,
       EXISTS (SELECT FROM adjustments a WHERE a.team = t.team AND a.invoiced_in = $3) AS adjusted
FROM periods t JOIN rate_plans p ON p.id = t.rate_plan_id WHERE t.team = $1 AND t.starts_at = $2
"""  # noqa: S608 -- a constant


class PostgresAccounts:
    """`app.ports.Accounts` within one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def hold(self, team: str, now: datetime) -> RatePlan:
        plan_id = await self._transaction.fetchval(_HOLD, team)
        if plan_id is None:
            await self._transaction.execute(
                """
                INSERT INTO accounts (team, rate_plan_id, assigned_by, assigned_at) VALUES ($1, $2, $3, $4)
                ON CONFLICT (team) DO NOTHING
                """,
                team,
                DEFAULT_PLAN.id,
                _ITSELF,
                now,
            )
            plan_id = await self._transaction.fetchval(_HOLD, team)
        plan = await PostgresPlans(self._transaction).find(plan_id)
        if plan is None:
            raise RuntimeError("an account's rate plan is not there")
        return plan

    async def find(self, team: str, period: Period, plan: RatePlan) -> Account:
        row = await self._transaction.fetchrow(_PERIOD, team, period.start, day_of(period.start))
        if row is None:
            return Account(team, period, plan, used={})
        return Account(
            team=team,
            period=period,
            plan=to_plan(row),
            used=await used(self._transaction, team, period),
            reported=frozenset(Meter(meter) for meter in row["told"]),
            drafted=row["drafted"],
            closed=row["closed"],
            adjusted=row["adjusted"],
        )

    async def save(self, account: Account) -> None:
        # Most batches change nothing here, and then write nothing.
        await self._transaction.execute(
            """
            INSERT INTO periods AS stored (team, starts_at, rate_plan_id, told, drafted, closed)
            VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (team, starts_at) DO UPDATE
            SET rate_plan_id = excluded.rate_plan_id, told = excluded.told, drafted = excluded.drafted,
                closed = excluded.closed
            WHERE (stored.rate_plan_id, stored.told, stored.drafted, stored.closed)
                  IS DISTINCT FROM (excluded.rate_plan_id, excluded.told, excluded.drafted, excluded.closed)
            """,
            account.team,
            account.period.start,
            account.plan.id,
            sorted(account.reported),
            account.drafted,
            account.closed,
        )

    async def assignment(self, team: str) -> Assignment:
        row = await self._transaction.fetchrow("SELECT revision, assigned_by FROM accounts WHERE team = $1", team)
        return Assignment(row["revision"], row["assigned_by"]) if row else Assignment()

    async def assign(self, team: str, plan: RatePlan, by: str, now: datetime) -> None:
        await self._transaction.execute(
            """
            UPDATE accounts SET rate_plan_id = $2, assigned_by = $3, assigned_at = $4, revision = revision + 1
            WHERE team = $1
            """,
            team,
            plan.id,
            by,
            now,
        )
