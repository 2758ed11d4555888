"""Every statement of this service at 20,000 rows; see docs/how-to/test-sql-statements.md."""

from datetime import UTC, datetime, timedelta
from importlib import resources

from fp_pipeline.adapters.postgres import deployments, pipelines
from fp_pipeline.adapters.postgres.rows import EXECUTION
from fp_testkit.statements import check, uses

MIGRATIONS = resources.files("fp_pipeline") / "migrations"


def row_id(n: int) -> str:
    """What the filling gave row number n."""
    return f"01890000-0000-7000-8000-{n:012x}"


ROW_ID = "('01890000-0000-7000-8000-' || lpad(to_hex({}), 12, '0'))::uuid"
ROWS = "FROM generate_series(1, 20000) AS n"
TEAM_OF = "CASE WHEN n % 50 = 2 THEN 'large' ELSE 'team-' || n % 200 END"
# One pipeline has a fiftieth of the executions, and one execution a fiftieth of the rows below it.
OF_ONE = f"CASE WHEN n % 50 = 2 THEN {ROW_ID.format(2)} ELSE {ROW_ID.format('n')} END"
FILL = (
    f"""
    INSERT INTO pipelines (id, team, name, type, revision, created_by, created_at, then_pipeline_id)
    SELECT {ROW_ID.format("n")}, {TEAM_OF}, 'pipeline-' || n,
           CASE WHEN n % 100 = 2 THEN 'TRAINING_DAG' ELSE 'DEPLOYMENT_SAGA' END, 20, 'ann', '2013-03-01',
           CASE WHEN n % 500 = 3 THEN {ROW_ID.format("n - 1")} END {ROWS}
    """,
    f"INSERT INTO pipeline_revisions SELECT {ROW_ID.format('n')}, 20, '[]' {ROWS}",
    f"INSERT INTO pipeline_revisions SELECT {ROW_ID.format(7)}, n, '[]' FROM generate_series(1, 19) AS n",  # noqa: S608
    f"""
    INSERT INTO executions (id, team, pipeline_id, pipeline_revision, pipeline_name, type, status, input, triggered_by,
                            created_at, completed_at, sequence)
    SELECT {ROW_ID.format("n")}, {TEAM_OF}, {OF_ONE}, 20, 'p', 'DEPLOYMENT_SAGA',
           CASE WHEN n % 400 = 7 AND n <= 20000 THEN 'RUNNING' WHEN n % 3 = 0 THEN 'FAILED' ELSE 'COMPLETED' END,
           '{{}}', 'ann', '2013-03-01', '2013-03-01', 9 {ROWS}
    """,
    f"""
    INSERT INTO step_executions (execution_id, step_id, id, state)
    SELECT {OF_ONE}, 'step-' || n, gen_random_uuid(), '{{"status": "RUNNING", "attempt": 1}}' {ROWS}
    """,
    f"""
    INSERT INTO transitions (execution_id, sequence, status, current_step, error, step_id, state, at)
    SELECT {OF_ONE}, n, 'RUNNING', '', '', '', NULL, '2013-03-01' {ROWS}
    """,
    f"INSERT INTO step_logs SELECT {OF_ONE}, 'step', n, 'text', '2013-03-01' {ROWS}",
    f"""
    INSERT INTO deployments (runtime, team, model_id, model_name, version_id, version, endpoint, weight_bps,
                             execution_id, deployed_at, signature, artifact_digest, state, stop_at)
    SELECT 'runtime-' || lpad(n::text, 8, '0'), {TEAM_OF}, 'm', 'model-' || n % 5000, 'v-' || n, n, 'e', 0,
           {ROW_ID.format("10000 + n % 10000 + 1")}, '2013-03-01', '', '',
           CASE WHEN n > 20000 THEN 'GONE' WHEN n % 20 = 2 THEN 'LIVE' WHEN n % 400 = 3 THEN 'DRAINING' ELSE 'GONE' END,
           '2013-03-01'::timestamptz + n * interval '1 minute' {ROWS}
    """,
    f"INSERT INTO deployment_turns SELECT {TEAM_OF}, 'model-' || n, {ROW_ID.format('n')} {ROWS}",
    f"""
    INSERT INTO request_counts (team, model_name, minute, version, outcome, bin, count)
    SELECT {TEAM_OF}, 'model-' || n % 50, '2013-03-01'::timestamptz + (n / 20) * interval '1 minute', n % 3, 'ANSWERED',
           n % 100, 1 {ROWS}
    """,
    f"""
    INSERT INTO statistics_gaps SELECT 'c', '2013-03-01'::timestamptz + n * interval '1 minute', '2013-03-01', 1 {ROWS}
    """,
    f"""
    INSERT INTO promotions (team, model_name, model_id, execution_id, runtime, version, version_id, incumbent, before,
                            objective, promoted_at, warm_until, actor, state, reason, ended_by, ended_at)
    SELECT {TEAM_OF}, 'model-' || n, 'm', {ROW_ID.format("n")}, 'r', '1', 'v', '', '{{}}', '{{}}',
           '2013-03-01'::timestamptz + n * interval '1 minute', '2013-03-02', 'ann',
           CASE WHEN n % 400 = 7 THEN 'WATCHED' ELSE 'OVER' END, '', '',
           CASE WHEN n % 400 <> 7 THEN '2013-03-01'::timestamptz + n * interval '1 minute' END {ROWS}
    """,
    f"INSERT INTO retrains (team, report_id, execution_id) SELECT {TEAM_OF}, 'r-' || n, {ROW_ID.format('n')} {ROWS}",
)
NOW = datetime(2013, 3, 1, tzinfo=UTC)
OF_DEPLOYMENTS = f"SELECT {deployments.COLUMNS} FROM deployments d WHERE"  # noqa: S608 -- constants
OF_EXECUTIONS = f"SELECT {EXECUTION} FROM executions e WHERE e.team = $1"  # noqa: S608 -- constants
OF_PIPELINES = f"SELECT {pipelines.COLUMNS} WHERE p.team = $1 AND p.deleted_at IS NULL"
NEWEST = "ORDER BY e.id DESC LIMIT 21"
ONE_EXECUTION = f"""
    SELECT {EXECUTION}, r.steps,
        (SELECT jsonb_object_agg(s.step_id, s.state) FROM step_executions s WHERE s.execution_id = e.id) AS states
    FROM executions e
    JOIN pipeline_revisions r ON r.pipeline_id = e.pipeline_id AND r.revision = e.pipeline_revision
    WHERE e.team = $1 AND e.id = $2::uuid
"""  # noqa: S608 -- constants
PAGED = "ORDER BY p.id DESC LIMIT 21"
FEW = "the versions of one model are few"
TABLE = {
    "deployments.PostgresDeployments.deploy": uses("deployments_live"),
    "deployments.PostgresDeployments.set_weights": uses("deployments_live"),
    "deployments.PostgresDeployments.undeploy": uses("deployments_live_by_runtime"),
    "deployments.PostgresDeployments.others": uses("deployments_live", sorts=FEW),
    "deployments.PostgresDeployments.move": uses("deployments_live_by_runtime"),
    "deployments.PostgresDeployments.scale": uses("deployments_live"),
    "deployments.PostgresDeployments.announce": uses("deployments_live_by_runtime"),
    "deployments.PostgresDeploymentReads.settle": uses("deployments_live_by_runtime"),
    "deployments.PostgresDeploymentReads.gone": uses("deployments_pkey"),
    "deployments.PostgresDeploymentReads.take_turn": uses("deployment_turns_pkey executions_open"),
    "deployments.PostgresDeploymentReads.in_use": uses("deployments_pkey executions_open step_executions_pkey"),
    "deployments.PostgresDeploymentReads._select": (
        uses(
            "deployments_live_by_runtime",
            "",
            21,
            sql=f"{OF_DEPLOYMENTS} d.state = 'LIVE' AND d.runtime > $1 ORDER BY d.runtime LIMIT $2",
        ),
        uses(
            "deployments_live_by_runtime",
            "runtime-00015000",
            21,
            sql=f"{OF_DEPLOYMENTS} d.state = 'LIVE' AND d.runtime > $1 ORDER BY d.runtime LIMIT $2",
        ),
        uses("deployments_live_by_runtime", sql=f"{OF_DEPLOYMENTS} d.state = 'LIVE' ORDER BY d.runtime"),
        uses("deployments_pkey", sql=f"{OF_DEPLOYMENTS} d.runtime = $1"),
        uses(
            "deployments_live",
            sql=f"{OF_DEPLOYMENTS} d.team = $1 AND d.model_name = $2 AND d.state = 'LIVE' ORDER BY d.runtime",
            sorts=FEW,
        ),
        uses(
            "deployments_draining",
            sql=f"{OF_DEPLOYMENTS} d.state = 'DRAINING' AND d.stop_at <= $1 ORDER BY d.stop_at",
        ),
    ),
    "executions.load": uses(
        "executions_of_team pipeline_revisions_pkey step_executions_pkey", "team-7", row_id(7), sql=ONE_EXECUTION
    ),
    "executions.PostgresExecutions.add": uses(""),
    "executions.PostgresExecutions.add/2": uses(""),
    "executions.PostgresExecutions.find": uses("executions_of_team"),
    "executions.PostgresExecutions.any_open": uses("executions_open_of_pipeline"),
    "executions.PostgresExecutions.idle": uses("executions_pkey"),
    "executions.PostgresExecutions.save": uses("executions_pkey"),
    "executions.PostgresExecutions.save/2": uses("step_executions_pkey"),
    "executions.PostgresExecutions.ask_to_cancel": uses("executions_pkey"),
    "executions.PostgresExecutions.end": uses("deployment_turns_of_execution"),
    "executions.PostgresExecutions._transitions": uses(""),
    "executions.PostgresExecutionReads.executions": (
        uses("executions_of_team", "large", sql=f"{OF_EXECUTIONS} {NEWEST}"),
        uses("executions_of_team", "large", row_id(15_000), sql=f"{OF_EXECUTIONS} AND e.id < $2::uuid {NEWEST}"),
        uses(
            "executions_of_team_by_status",
            "large",
            row_id(15_000),
            sql=f"{OF_EXECUTIONS} AND e.status = 'FAILED' AND e.id < $2::uuid {NEWEST}",
        ),
        uses(
            "executions_of_pipeline",
            "large",
            row_id(15_000),
            sql=f"{OF_EXECUTIONS} AND e.pipeline_id = '{row_id(2)}'::uuid AND e.id < $2::uuid {NEWEST}",
        ),
        uses(
            "executions_of_pipeline_by_status",
            "large",
            row_id(15_000),
            sql=f"{OF_EXECUTIONS} AND e.pipeline_id = '{row_id(2)}'::uuid AND e.status = 'FAILED'"
            f" AND e.id < $2::uuid {NEWEST}",
        ),
    ),
    "executions.PostgresExecutionReads.transitions": (
        uses("transitions_pkey", row_id(2), 0, 100),
        uses("transitions_pkey", row_id(2), 15_000, 100),
    ),
    "leases.PostgresLeases.claim": uses("executions_open executions_pkey", "w", 32, 10.0, [], at_most=200),
    "leases.PostgresLeases.renew": uses("executions_pkey"),
    "leases.PostgresLeases.release": uses("executions_pkey"),
    "logs.PostgresLogs.append": uses(""),
    "logs.PostgresLogReads.log": (
        uses("step_logs_pkey", row_id(2), "step", 0, 100),
        uses("step_logs_pkey", row_id(2), "step", 15_000, 100),
    ),
    "logs.LAST": uses("step_logs_pkey"),
    "pipelines.PostgresPipelines.add": uses("pipelines_team_name_key"),
    "pipelines.PostgresPipelines._revision": uses(""),
    "pipelines.PostgresPipelines.find": uses("pipeline_revisions_pkey pipelines_of_team"),
    "pipelines.PostgresPipelines.find_named": uses("pipeline_revisions_pkey pipelines_team_name_key"),
    "pipelines.PostgresPipelines.lock": uses("pipelines_of_team"),
    "pipelines.PostgresPipelines.change": uses("pipelines_team_name_key"),
    "pipelines.PostgresPipelines.change/2": uses("pipelines_pkey"),
    "pipelines.PostgresPipelines.starter_of": uses("pipelines_starting", "large", row_id(2)),
    "pipelines.PostgresPipelines.delete": uses("pipelines_pkey"),
    "pipelines.PostgresPipelines.page": (
        uses("pipelines_of_team pipeline_revisions_pkey", "large", sql=f"{OF_PIPELINES} {PAGED}"),
        uses(
            "pipelines_of_team pipeline_revisions_pkey",
            "large",
            row_id(15_000),
            sql=f"{OF_PIPELINES} AND p.id < $2::uuid {PAGED}",
        ),
        uses(
            "pipelines_of_team_by_type pipeline_revisions_pkey",
            "large",
            row_id(15_000),
            sql=f"{OF_PIPELINES} AND p.type = 'TRAINING_DAG' AND p.id < $2::uuid {PAGED}",
        ),
    ),
    "promotions.PostgresPromotions.watch": uses("promotions_pkey"),
    "promotions.PostgresPromotions.lock": uses("promotions_pkey"),
    "promotions.PostgresPromotions.change": uses("promotions_pkey"),
    "promotions.PostgresPromotions.claim_turn": uses("deployment_turns_pkey"),
    "promotions.PostgresPromotionReads.find": uses("promotions_pkey"),
    "promotions.PostgresPromotionReads.unended": uses("promotions_unended", NOW, "t", "m", 200),
    "retention._ENDED_PROMOTIONS": uses("promotions_ended", NOW + timedelta(days=3), 100, at_most=300),
    "retention._TRANSITIONS": uses("executions_open transitions_pkey", row_id(5_000), 100, at_most=1_000),
    "retention._LOGS": uses("executions_open step_logs_pkey", row_id(5_000), 100, at_most=1_000),
    "retention._GONE_DEPLOYMENTS": uses("deployments_gone", NOW + timedelta(days=3), 100, at_most=300),
    "retention._OLD_EXECUTIONS": uses("deployments_of_execution executions_pkey", row_id(5_000), 50, at_most=400),
    "retention._ENDED_EXECUTIONS": uses("executions_pkey retrains_of_execution", [row_id(5_000), row_id(5_001)]),
    "retention._REVISIONS": uses(
        "executions_of_revision pipeline_revisions_pkey pipelines_pkey", row_id(0), 50, 10, at_most=500
    ),
    "statistics.PostgresStatistics.count": uses("request_counts_pkey"),
    "statistics.PostgresStatistics.lost": uses("statistics_gaps_pkey"),
    "statistics.PostgresStatisticsReads.newest_gap": uses("statistics_gaps_pkey", "c", NOW),
    "statistics.PostgresStatisticsReads.forget": uses("statistics_gaps_pkey"),
    "statistics.PostgresRetrains.claim": uses(""),
    "statistics.PostgresStatisticsReads.since": uses(
        "request_counts_pkey", sorts="the bins of one model in the minutes of a canary are summed"
    ),
    "statistics.PostgresStatisticsReads._forget_counts": uses(
        "request_counts_by_minute", NOW + timedelta(minutes=500), 100, at_most=300
    ),
}


async def test_every_statement_keeps_its_index_at_any_size(databases):
    await check("fp_pipeline", await databases.create(MIGRATIONS, service="pipeline", fresh=True), TABLE, fill=FILL)
