"""Rate plans as changes read and write them."""

from fp_postgres import Transaction

from fp_billing.adapters.postgres.rows import PLAN, to_plan
from fp_billing.domain.plans import RatePlan


class PostgresPlans:
    """`app.ports.Plans` within one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def add(self, plan: RatePlan, by: str) -> bool:
        status = await self._transaction.execute(
            """
            INSERT INTO rate_plans (id, name, currency, created_at, created_by, predictions_per_second,
                                    predictions_in_flight)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (name) DO NOTHING
            """,
            plan.id,
            plan.name,
            plan.currency,
            plan.created_at,
            by,
            plan.limits.per_second,
            plan.limits.in_flight,
        )
        if status != "INSERT 0 1":
            return False
        await self._transaction.executemany(
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

    async def find(self, plan_id: str) -> RatePlan | None:
        row = await self._transaction.fetchrow(f"SELECT {PLAN} FROM rate_plans p WHERE p.id = $1", plan_id)  # noqa: S608 -- a constant
        return to_plan(row) if row else None
