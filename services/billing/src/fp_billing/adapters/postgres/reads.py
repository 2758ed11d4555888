"""Reads in Postgres."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

from fp_kernel import PageRequest
from fp_kernel.revisions import NOTHING
from fp_postgres import Database
from fp_postgres.backlog import unpublished

from fp_billing.adapters.events import USAGE_RECORDED
from fp_billing.adapters.postgres import adjustments, reconciliation
from fp_billing.adapters.postgres.invoices import complete
from fp_billing.adapters.postgres.rows import INVOICE, LAST_ID, PLAN, to_plan
from fp_billing.app.ports import Due, MeterSum, Summary, Wanted
from fp_billing.domain.adjustments import Adjustment
from fp_billing.domain.invoices import Invoice, Status
from fp_billing.domain.meters import Meter
from fp_billing.domain.periods import Period, day_of
from fp_billing.domain.plans import DEFAULT_PLAN, Money, RatePlan
from fp_billing.domain.quotas import Quota
from fp_billing.domain.reconciliation import Reconciliation

_FIRST_ID = "00000000-0000-0000-0000-000000000000"

# The plan of a period is its own once it was used, else the team's, else the default one.
_PLAN_OF = f"""
SELECT {PLAN} FROM rate_plans p
WHERE p.id = coalesce((SELECT rate_plan_id FROM periods WHERE team = $1 AND starts_at = $3),
                      (SELECT rate_plan_id FROM accounts WHERE team = $1), $2)
"""  # noqa: S608 -- a constant
_ASSIGNED = "SELECT revision FROM accounts WHERE team = $1"
_USED = """
SELECT coalesce(sum(quantity), 0) FROM usage_days WHERE team = $1 AND day >= $2 AND day < $3 AND meter = $4
"""
_WANTED = "d.team = $1 AND d.day >= $2 AND d.day < $3 AND ($4 = '' OR d.meter = $4)"
# The buckets of the page first, then what is in them: a page has whole months or days.
_USAGE = f"""
WITH page AS (
    SELECT DISTINCT date_trunc($5, d.day::timestamp)::date AS start FROM usage_days d
    WHERE {_WANTED} AND date_trunc($5, d.day::timestamp)::date < $6
    ORDER BY start DESC LIMIT $7
)
SELECT page.start, p.currency, d.meter, sum(d.quantity) AS quantity, sum(d.cost_micros) AS cost_micros
FROM page
JOIN usage_days d ON {_WANTED} AND date_trunc($5, d.day::timestamp)::date = page.start
JOIN rate_plans p ON p.id = d.rate_plan_id
GROUP BY page.start, p.currency, d.meter ORDER BY page.start DESC
"""  # noqa: S608 -- constants
_COSTS = f"""
SELECT p.currency, sum(d.cost_micros) AS cost_micros
FROM usage_days d JOIN rate_plans p ON p.id = d.rate_plan_id WHERE {_WANTED} GROUP BY p.currency
"""  # noqa: S608 -- a constant
_TO_INVOICE = """
SELECT team, starts_at FROM periods
WHERE NOT closed AND starts_at < $1 AND (NOT drafted OR starts_at < $2) AND (starts_at, team) > ($3, $4)
ORDER BY starts_at, team LIMIT $5
"""
_DUE = """
SELECT team, id, due_at FROM invoices
WHERE status = 'FINALIZED' AND due_at <= $1 AND due_at >= $2 AND (due_at, id) > ($2, $3) ORDER BY due_at, id LIMIT $4
"""
_INVOICE = f"SELECT {INVOICE} FROM invoices WHERE id = $1 AND ($2 = '' OR team = $2)"  # noqa: S608 -- a constant
_INVOICES = f"""
SELECT {INVOICE} FROM invoices WHERE team = $1 AND id < $2 ORDER BY id DESC LIMIT $3
"""  # noqa: S608 -- a constant
_INVOICES_BY_STATUS = f"""
SELECT {INVOICE} FROM invoices WHERE team = $1 AND status = $4 AND id < $2 ORDER BY id DESC LIMIT $3
"""  # noqa: S608 -- a constant
# One look a team, at its oldest month.
_STORING = """
WITH RECURSIVE teams AS (
    (SELECT team, paid_for FROM stored_versions WHERE paid_for < last_month AND team > $2
     ORDER BY team, paid_for LIMIT 1)
    UNION ALL
    SELECT next.team, next.paid_for FROM teams CROSS JOIN LATERAL (
        SELECT team, paid_for FROM stored_versions WHERE paid_for < last_month AND team > teams.team
        ORDER BY team, paid_for LIMIT 1
    ) AS next
)
SELECT team FROM teams WHERE paid_for < $1 LIMIT $3
"""
# One look a team at the key, however many sums it has.
_TEAMS_TO_PUBLISH = """
WITH RECURSIVE teams AS (
    (SELECT team FROM usage_untold WHERE team > $1 ORDER BY team LIMIT 1)
    UNION ALL
    SELECT (SELECT u.team FROM usage_untold u WHERE u.team > teams.team ORDER BY u.team LIMIT 1)
    FROM teams WHERE teams.team IS NOT NULL
)
SELECT team FROM teams WHERE team IS NOT NULL LIMIT $2
"""
_NEVER = Period(datetime(1, 1, 1, tzinfo=UTC))


class PostgresReads:
    """`app.ports.Reads` on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def plan(self, plan_id: str) -> RatePlan | None:
        row = await self._database.fetchrow(f"SELECT {PLAN} FROM rate_plans p WHERE p.id = $1", plan_id)  # noqa: S608 -- a constant
        return to_plan(row) if row else None

    async def plan_named(self, name: str) -> RatePlan | None:
        row = await self._database.fetchrow(f"SELECT {PLAN} FROM rate_plans p WHERE p.name = $1", name)  # noqa: S608 -- a constant
        return to_plan(row) if row else None

    async def plans(self, page: PageRequest) -> tuple[Sequence[RatePlan], str]:
        rows = await self._database.fetch(
            f"SELECT {PLAN} FROM rate_plans p WHERE p.id < $1 ORDER BY p.id DESC LIMIT $2",  # noqa: S608 -- a constant
            _after(page),
            page.size + 1,
        )
        shown = [to_plan(row) for row in rows[: page.size]]
        return shown, shown[-1].id if len(rows) > page.size else ""

    async def plan_of(self, team: str) -> RatePlan:
        return await self._plan_of(team, _NEVER)

    async def quota(self, team: str, meter: Meter, period: Period) -> tuple[RatePlan, Quota, int]:
        # Before the plan: what is assigned between the two makes the revision one that nobody finds any more.
        revision = await self._database.fetchval(_ASSIGNED, team)
        plan = await self._plan_of(team, period)
        used = await self._database.fetchval(_USED, team, day_of(period.start), day_of(period.end), meter)
        return plan, Quota(meter, plan.rates[meter].quota, int(used)), int(revision or NOTHING)

    async def usage(self, wanted: Wanted, page: PageRequest) -> tuple[Sequence[Summary], str]:
        before = date.fromisoformat(page.after[0]) if page.after else date.max
        rows = await self._database.fetch(_USAGE, *_asked(wanted), wanted.granularity, before, page.size + 1)
        found: dict[tuple[date, str], dict[Meter, MeterSum]] = {}
        for row in rows:
            meters = found.setdefault((row["start"], row["currency"]), {})
            meters[Meter(row["meter"])] = MeterSum(int(row["quantity"]), int(row["cost_micros"]))
        summaries = [Summary(start, currency, meters) for (start, currency), meters in found.items()]
        shown = summaries[: page.size]
        return shown, shown[-1].start.isoformat() if len(summaries) > page.size else ""

    async def costs(self, wanted: Wanted) -> Sequence[Money]:
        rows = await self._database.fetch(_COSTS, *_asked(wanted))
        return [Money(int(row["cost_micros"]), row["currency"]) for row in rows]

    async def invoice(self, invoice_id: str, team: str) -> Invoice | None:
        rows = await self._database.fetch(_INVOICE, invoice_id, team)
        found = await complete(self._database, rows)
        return found[0] if found else None

    async def invoices(self, team: str, status: Status | None, page: PageRequest) -> tuple[Sequence[Invoice], str]:
        if status is None:
            rows = await self._database.fetch(_INVOICES, team, _after(page), page.size + 1)
        else:
            rows = await self._database.fetch(_INVOICES_BY_STATUS, team, _after(page), page.size + 1, status)
        shown = await complete(self._database, rows[: page.size])
        return shown, shown[-1].id if len(rows) > page.size else ""

    async def adjustments(self, team: str, page: PageRequest) -> tuple[Sequence[Adjustment], str]:
        return await adjustments.of_team(self._database, team, page)

    async def reconciliation(
        self, team: str, start: date, end: date, page: PageRequest, *, unsettled_only: bool
    ) -> tuple[Sequence[Reconciliation], str]:
        return await reconciliation.of_team(self._database, team, start, end, page, unsettled_only=unsettled_only)

    async def unsettled(self, before: date, limit: int) -> Sequence[Reconciliation]:
        return await reconciliation.unsettled(self._database, before, limit)

    async def to_invoice(
        self, before: Period, final_before: Period, after: tuple[Period, str] | None, limit: int
    ) -> Sequence[tuple[str, Period]]:
        start, team = (after[0].start, after[1]) if after else (_NEVER.start, "")
        rows = await self._database.fetch(_TO_INVOICE, before.start, final_before.start, start, team, limit)
        return [(row["team"], Period(row["starts_at"])) for row in rows]

    async def storing(self, month: Period, after: str, limit: int) -> Sequence[str]:
        rows = await self._database.fetch(_STORING, day_of(month.start), after, limit)
        return [row["team"] for row in rows]

    async def teams_to_publish(self, after: str, limit: int) -> Sequence[str]:
        rows = await self._database.fetch(_TEAMS_TO_PUBLISH, after, limit)
        return [row["team"] for row in rows]

    async def usage_waiting(self, limit: int) -> int:
        return await unpublished(self._database, USAGE_RECORDED, limit)

    async def due(self, now: datetime, after: Due | None, limit: int) -> Sequence[Due]:
        since, last = (after.due_at, after.invoice_id) if after else (_NEVER.start, _FIRST_ID)
        rows = await self._database.fetch(_DUE, now, since, last, limit)
        return [Due(row["team"], str(row["id"]), row["due_at"]) for row in rows]

    async def _plan_of(self, team: str, period: Period) -> RatePlan:
        row = await self._database.fetchrow(_PLAN_OF, team, DEFAULT_PLAN.id, period.start)
        if row is None:
            raise RuntimeError("the default rate plan is not there")
        return to_plan(row)


def _asked(wanted: Wanted) -> tuple[str, date, date, str]:
    return wanted.team, wanted.start, wanted.end, wanted.meter or ""


def _after(page: PageRequest) -> str:
    return page.after[0] if page.after else LAST_ID
