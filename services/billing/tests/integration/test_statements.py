"""Every statement of this service at 20,000 rows; see docs/how-to/test-sql-statements.md."""

from datetime import UTC, date, datetime
from importlib import resources

from fp_billing.domain.plans import DEFAULT_PLAN
from fp_testkit.statements import check, uses

MIGRATIONS = resources.files("fp_billing") / "migrations"
NOW = datetime(2013, 3, 1, 12, tzinfo=UTC)
PLAN = DEFAULT_PLAN.id
FIRST, LAST = "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"


def row_id(n: int) -> str:
    """What the filling gave row number n."""
    return f"01890000-0000-7000-8000-{n:012x}"


ROW_ID = "('01890000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid"
TEAM = "CASE WHEN n % 50 = 2 THEN 'large' ELSE 'team-' || n % 200 END"
ROWS = "FROM generate_series(1, 20000) AS n"
DAY = "'2013-03-01'::date + n / 50"

FILL = (
    f"""
    INSERT INTO rate_plans (id, name, currency, created_at, created_by)
    SELECT {ROW_ID}, n::text, 'USD', '2013-03-01', '' {ROWS}
    """,
    f"""
    INSERT INTO rates (rate_plan_id, meter, price_micros, included, quota)
    SELECT {ROW_ID}, 'INFERENCE_REQUEST', 1, 0, 0 {ROWS}
    """,
    f"""
    INSERT INTO accounts (team, rate_plan_id, assigned_by, assigned_at)
    SELECT 'team-' || n, '{PLAN}', '', '2013-03-01' {ROWS}
    """,
    f"""
    INSERT INTO periods (team, starts_at, rate_plan_id, told, drafted, closed)
    SELECT 'team-' || n, '2013-03-01', '{PLAN}', '{{}}', true, n % 1000 > 0 {ROWS}
    """,
    f"""
    INSERT INTO usage (team, usage_key, id, rate_plan_id, meter, quantity, billable, cost_micros, currency, source_id,
                       model_id, model_version, occurred_at, correlation_id)
    SELECT 'large', n::text, {ROW_ID}, '{PLAN}', 'INFERENCE_REQUEST', 1, 0, 0, 'USD', n::text, '', '',
           '2013-03-01', '' {ROWS}
    """,
    f"""
    INSERT INTO usage_facts (team, meter, source_id, month, id, rate_plan_id, quantity, billable, cost_micros, currency,
                             model_id, model_version, occurred_at, correlation_id, recorded_at)
    SELECT 'large', 'INFERENCE_REQUEST', n || '-', '1970-01-01', {ROW_ID}, '{PLAN}', 1, 0, 0, 'USD', '', '',
           '2013-03-01', '',
           '2013-03-01'::timestamptz + n * interval '1 minute' {ROWS}
    """,
    f"""
    INSERT INTO usage_days (team, day, meter, rate_plan_id, quantity, billable, cost_micros)
    SELECT {TEAM}, {DAY}, 'INFERENCE_REQUEST', '{PLAN}', 1, 0, 0 {ROWS}
    """,
    f"""
    INSERT INTO usage_untold (team, meter, model_id, model_version, rate_plan_id, day, id, quantity,
           cost_micros, currency,
                              facts, first_at, last_at)
    SELECT 'team-' || n / 10, 'INFERENCE_REQUEST', n::text, '1', '{PLAN}', '2013-03-01', {ROW_ID}, 1, 0, 'USD', 1,
           '2013-03-01', '2013-03-01' {ROWS}
    """,
    f"""
    INSERT INTO stored_versions (team, version_id, model_id, model_version, size_bytes, paid_for)
    SELECT {TEAM}, n::text, (n / 10)::text, '1', 1, CASE WHEN n % 1000 = 2 THEN '2013-02-01'::date ELSE
           '2013-03-01' END {ROWS}
    """,
    f"INSERT INTO archived_models (team, model_id, month) SELECT {TEAM}, n::text, '2013-03-01' {ROWS}",
    f"""
    INSERT INTO invoices (id, team, starts_at, rate_plan_id, status, number, currency, total_micros,
           created_at, finalized_at,
                          due_at)
    SELECT {ROW_ID}, {TEAM}, '2013-03-01'::timestamptz + n / 50 * interval '1 month', '{PLAN}', CASE WHEN n % 500 =
           2 THEN 'OVERDUE' ELSE 'FINALIZED' END, n, 'USD', 0,
           '2013-03-01', '2013-03-01', '2013-03-01'::timestamptz + n * interval '1 hour' {ROWS}
    """,
    f"""
    INSERT INTO invoice_lines (invoice_id, position, meter, rate_plan_id, quantity, billable, price_micros,
           amount_micros)
    SELECT {ROW_ID}, 0, 'INFERENCE_REQUEST', '{PLAN}', 1, 1, 1, 1 {ROWS}
    """,
    f"""
    INSERT INTO adjustments (id, team, month, invoiced_in, amount_micros, currency, reason, created_by, created_at)
    SELECT {ROW_ID}, {TEAM}, '2013-03-01'::date + n / 50 * interval '1 month',
           '2013-03-01'::date + n / 50 * interval '1 month',
           1, 'USD', 'r', '', '2013-03-01' {ROWS}
    """,
    f"INSERT INTO invoice_adjustments (invoice_id, adjustment_id) SELECT {ROW_ID}, {ROW_ID} {ROWS}",
    f"""
    INSERT INTO reconciled_days (team, day, meter, recorded, billed, repeated, unrecorded, settled)
    SELECT {TEAM}, '2013-03-01'::date + n, 'INFERENCE_REQUEST', 1, 1, 0, 0, n % 500 > 2 {ROWS}
    """,
)
SMALL = {"invoice_numbers"}  # one row
DAYS = (date(2013, 3, 1), date(2013, 4, 1))
TABLE = {
    "adjustments._ADD": uses(""),
    "adjustments._OF_PERIOD": uses("adjustments_of_invoice"),
    "adjustments._OF_TEAM": (
        uses("adjustments_of_team", "large", LAST, 21),
        uses("adjustments_of_team", "large", row_id(15_000), 21),
    ),
    "adjustments._OF_INVOICES": uses("adjustments_pkey invoice_adjustments_pkey", sorts="those of a page"),
    "adjustments._SHOW": uses(""),
    "invoices._LINES": uses("rate_plans_pkey rates_pkey usage_days_pkey", sorts="31 days of a few meters"),
    "invoices._STORED_LINES": uses("invoice_lines_pkey rate_plans_pkey"),
    "invoices._HOLDING": uses("invoices_holding"),
    "invoices._BY_ID": uses("invoices_of_team", row_id(2), "large"),
    "invoices._SAVE": uses("invoices_pkey"),
    "invoices._SAVE_LINES": uses(""),
    "invoices.PostgresInvoices.save": uses("invoice_lines_pkey"),
    "months._THERE": uses(""),
    "months._FORGET_UNDATED": uses("usage_facts_undated_recorded", NOW, 50, at_most=20_000),
    "reconciliation._ADD": uses("reconciled_days_pkey"),
    "reconciliation._SETTLE": uses("reconciled_days_unsettled", date(2040, 1, 1), 50),
    "reconciliation._UNSETTLED": uses("reconciled_days_unsettled", date(2040, 1, 1), 100),
    "reconciliation._FORGET": uses("reconciled_days_by_age", date(2040, 1, 1), 50),
    "reconciliation._OF_TEAM": uses(
        "reconciled_days_pkey", "large", date(2013, 3, 1), date(2060, 3, 1), date.max, "", 21
    ),
    "reconciliation._UNSETTLED_OF_TEAM": uses(
        "reconciled_days_unsettled", "large", date(2013, 3, 1), date(2013, 4, 1), date.max, "", 21
    ),
    "reads._PLAN_OF": uses("accounts_pkey periods_pkey rate_plans_pkey rates_pkey"),
    "reads._USED": uses("usage_days_pkey"),
    "reads._USAGE": uses(
        "rate_plans_pkey usage_days_pkey",
        "large",
        *DAYS,
        "",
        "day",
        date.max,
        21,
        sorts="31 days of a few meters",
        at_most=1_000,
    ),
    "reads._COSTS": uses("rate_plans_pkey usage_days_pkey", sorts="one sum a currency"),
    "reads._TO_INVOICE": uses("periods_open", NOW, NOW, datetime(1, 1, 1, tzinfo=UTC), "", 100),
    "reads._DUE": uses("invoices_due", NOW, datetime(1, 1, 1, tzinfo=UTC), FIRST, 20, sorts="those of one moment"),
    "reads._INVOICE": uses("invoices_pkey", row_id(2), ""),
    "reads._INVOICES": (
        uses("invoices_of_team", "large", LAST, 21),
        uses("invoices_of_team", "large", row_id(15_000), 21),
    ),
    "reads._INVOICES_BY_STATUS": (
        uses("invoices_by_status", "large", LAST, 21, "OVERDUE"),
        uses("invoices_by_status", "large", row_id(15_000), 21, "OVERDUE"),
    ),
    "reads._STORING": uses("stored_versions_unpaid_of_team", DAYS[0], "", 100, at_most=500),
    "reads._TEAMS_TO_PUBLISH": uses("usage_untold_pkey", "", 50),
    "reads.PostgresReads.plan": uses("rate_plans_pkey rates_pkey"),
    "reads.PostgresReads.plan_named": uses("rate_plans_name rates_pkey"),
    "reads.PostgresReads.plans": uses("rate_plans_pkey rates_pkey", LAST, 21, at_most=200),
    "storage._STORE": uses("archived_models_pkey stored_versions_pkey"),
    "storage._NOTE_ARCHIVED": uses("archived_models_pkey"),
    "storage._NOTE_RESTORED": uses("archived_models_pkey"),
    "storage._ARCHIVE": uses("stored_versions_of_model"),
    "storage._RESTORE": uses("stored_versions_of_model"),
    "storage._UNPAID": uses("stored_versions_unpaid_of_team", "large", DAYS[0], 50),
    "storage._PAY": uses("stored_versions_pkey", "large", ["2"], DAYS[0]),
    "accounts._HOLD": uses("accounts_pkey"),
    "accounts._PERIOD": uses("adjustments_of_invoice periods_pkey rate_plans_pkey rates_pkey"),
    "accounts.PostgresAccounts.hold": uses("accounts_pkey"),
    "accounts.PostgresAccounts.save": uses("periods_pkey"),
    "plans.PostgresPlans.add": uses("rate_plans_name"),
    "plans.PostgresPlans.add/2": uses(""),
    "plans.PostgresPlans.find": uses("rate_plans_pkey rates_pkey"),
    "reads._ASSIGNED": uses("accounts_pkey"),
    "accounts.PostgresAccounts.assignment": uses("accounts_pkey"),
    "accounts.PostgresAccounts.assign": uses("accounts_pkey"),
    "invoices.PostgresInvoices.next_number": uses(""),
    "usage._RECORDED": uses("usage_facts_pkey", "large", "INFERENCE_REQUEST", date(1970, 1, 1), ["7-"]),
    "usage._RECORDED_BEFORE": uses("usage_pkey"),
    "usage._ADD": uses(""),
    "usage._COUNT": uses("usage_days_pkey"),
    "usage._ADD_TO_SUMS": uses("usage_untold_pkey"),
    "usage._TAKE_UNPUBLISHED": uses("usage_untold_pkey", "team-7", 50),
    "usage._USED": uses("usage_days_pkey", sorts="four meters"),
}


async def test_every_statement_keeps_its_index_at_any_size(databases):
    url = await databases.create(MIGRATIONS, service="billing", fresh=True)
    await check("fp_billing", url, TABLE, fill=FILL, small=SMALL)
