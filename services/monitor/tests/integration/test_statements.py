"""Every statement of this service at 20,000 rows; see docs/how-to/test-sql-statements.md."""

from datetime import UTC, datetime, timedelta
from importlib import resources

from fp_monitor.adapters.postgres.reports import COLUMNS as REPORT
from fp_testkit.statements import check, uses

MIGRATIONS = resources.files("fp_monitor") / "migrations"
NOW = datetime(2013, 3, 1, 12, tzinfo=UTC)


def row_id(n: int) -> str:
    """What the filling gave row number n."""
    return f"01890000-0000-7000-8000-{n:012x}"


ROW_ID = "('01890000-0000-7000-8000-' || lpad(to_hex({}), 12, '0'))::uuid"
ROWS = "FROM generate_series(1, 20000) AS n"
# One team has a fiftieth of the models, and one model of it a fiftieth of the rest.
TEAM_OF = "CASE WHEN n % 50 = 2 THEN 'large' ELSE 'team-' || n % 200 END"
MODEL_OF = "CASE WHEN n % 50 = 2 THEN 'model-2' ELSE 'model-' || n % 400 END"
OF_PREDICTIONS = f"""
    SELECT {TEAM_OF}, {MODEL_OF}, {ROW_ID.format("n")}::text, '1', '2013-03-01'::timestamptz + n * interval '1 minute',
           0.5, 'late' {ROWS}
"""
COLUMNS = "(team, model_name, request_id, version, predicted_at, score, label)"

FILL = (
    f"""
    INSERT INTO monitors (id, team, model_name, window_duration, window_size, min_samples, thresholds, auto_retrain,
        retrain_pipeline_id, retrain_cooldown, enabled, created_at, updated_at, model_id, served_version,
        baseline_version, levels, judged, state, severity, reports, alarms, retrain_execution_id)
    SELECT {ROW_ID.format("n")}, {TEAM_OF}, 'model-' || n, '1 hour', 0, 10, '[]', true,
           CASE n % 50 WHEN 2 THEN 'pipeline-' || n % 20 ELSE '' END, '1 hour', true, '2013-03-01', '2013-03-01', '',
           '1', '1', '{{}}', true, CASE n % 100 WHEN 2 THEN 'PAUSED' ELSE 'ACTIVE' END, 1 + n % 3, 20000, 0,
           'execution-' || n {ROWS}
    """,
    f"""
    INSERT INTO baselines (team, model_name, version, profile, promoted_at, replaced_at)
    SELECT {TEAM_OF}, 'model-' || n, (n % 2)::text, '', '2013-03-01',
           '2013-03-01'::timestamptz + n * interval '1 minute' {ROWS}
    """,
    f"""
    INSERT INTO production (team, model_name, model_id, version, promoted_at, sequence)
    SELECT {TEAM_OF}, 'model-' || n, '', '1', '2013-03-01', 1 {ROWS}
    """,
    f"""
    INSERT INTO windows (id, monitor_id, kind, opened_at, closes_at, samples, period_start, period_end, version)
    SELECT {ROW_ID.format("n")}, {ROW_ID.format("n")}, CASE n % 2 WHEN 0 THEN 'DATA' ELSE 'PERFORMANCE' END,
           '2013-03-01', '2013-03-01'::timestamptz + n * interval '1 minute', 1, '2013-03-01', '2013-03-01', '1' {ROWS}
    """,
    f"""
    INSERT INTO outcomes (window_id, place, score, label, actual)
    SELECT {ROW_ID.format("n")}, place, 0.5, 'late', 'late' {ROWS}, generate_series(0, 1) AS place
    """,
    f"""
    INSERT INTO quality (monitor_id, samples, signs) SELECT {ROW_ID.format("n")}, 0, '[{{}}, {{}}, {{}}]' {ROWS}
    """,
    f"""
    INSERT INTO gaps (stream, first_message, last_message, until, noticed_at)
    SELECT 'PREDICTIONS', n, n, '2013-03-01', '2013-03-01'::timestamptz + n * interval '1 minute' {ROWS}
    """,
    f"INSERT INTO predictions {COLUMNS} {OF_PREDICTIONS}",
    f"INSERT INTO predictions_before {COLUMNS} {OF_PREDICTIONS}",
    f"INSERT INTO deletions (team, model_name, deleted_at) SELECT {TEAM_OF}, 'model-' || n, '2013-03-02' {ROWS}",
    # Few models with many reports each, as at ten million: a handful would be sorted, and rightly so.
    f"""
    INSERT INTO reports (id, team, model_name, monitor_id, number, version, kind, severity, metrics, window_id, samples,
        period_start, period_end, created_at, retrains, position)
    SELECT {ROW_ID.format("n")}, CASE n % 20 WHEN 2 THEN 'large' ELSE 'team-' || n % 20 END, 'model-' || n % 40,
           CASE WHEN n % 50 = 2 THEN {ROW_ID.format("2")} ELSE {ROW_ID.format("n")} END, n, '1', 'DATA', 1 + n % 3,
           '[]', {ROW_ID.format("n")}, 1, '2013-03-01'::timestamptz + n * interval '1 minute',
           '2013-03-01'::timestamptz + n * interval '1 minute',
           '2013-03-01'::timestamptz + n * interval '1 minute', false, n {ROWS}
    """,
    f"""
    INSERT INTO prediction_logs
        (team, model_name, sample_bps, masked, retention_days, created_at, updated_at, revision, changed_by)
    SELECT {TEAM_OF}, 'model-' || n, n % 2, '{{}}', 30, '2013-03-01', '2013-03-01', 1, '' {ROWS}
    """,
    f"""
    INSERT INTO log_files (team, model_name, day, name, level, complete, predictions, bytes, first_at, last_at,
        labelled, ids)
    SELECT {TEAM_OF}, {MODEL_OF}, '2013-03-01'::date + n / 200, {ROW_ID.format("n")}, 0, n % 200 > 2, 1, 1,
           '2013-03-01'::timestamptz + n * interval '1 minute',
           '2013-03-01'::timestamptz + n * interval '1 minute', n > 200,
           decode(repeat(CASE WHEN n % 400 = 2 THEN 'ff' ELSE '00' END, 64), 'hex') {ROWS}
    """,
    f"INSERT INTO log_deletions (team, model_name, deleted_at) SELECT {TEAM_OF}, 'model-' || n, '2013-03-02' {ROWS}",
    f"""
    INSERT INTO log_waste (object, since) SELECT n::text, '2013-03-01'::timestamptz + n * interval '1 minute' {ROWS}
    """,
    f"""
    INSERT INTO log_erased (team, model_name, request_id, erased_at, rewritten)
    SELECT {TEAM_OF}, {MODEL_OF}, {ROW_ID.format("n")}::text, '2013-03-01'::timestamptz + n * interval '1 minute',
           n % 100 > 2 {ROWS}
    """,
    f"""
    INSERT INTO log_erased_entities (team, model_name, name, digest, erased_at, rewritten)
    SELECT {TEAM_OF}, 'model-' || n % 2000, 'customer', '', '2013-03-01'::timestamptz + n * interval '1 minute',
           n % 100 > 2 {ROWS}
    """,
    f"INSERT INTO report_positions (team, last) SELECT 'team-' || n, n {ROWS}",
    f"INSERT INTO report_purges (team, model_name, until) SELECT {TEAM_OF}, 'model-' || n, '2013-03-02' {ROWS}",
)
BEFORE = "ffffffff-ffff-ffff-ffff-ffffffffffff"
REPORTS = f"""
    SELECT {REPORT} FROM reports r
    WHERE r.team = $1 {{}} AND r.severity >= $2 AND ($3::timestamptz IS NULL OR r.period_end >= $3)
        AND ($4::timestamptz IS NULL OR r.period_end < $4) AND r.id < $5::uuid
    ORDER BY r.id DESC LIMIT $6
"""  # noqa: S608 -- constants
OF_TEAM, OF_MODEL = REPORTS.format("AND $7 = ''"), REPORTS.format("AND r.model_name = $7")
SOME_IDS = [row_id(52), row_id(102), "none"]
BITE = 50
DAY = NOW.date() + timedelta(days=1)
AT_52 = datetime(2013, 3, 1, 0, 52, tzinfo=UTC)
BY_NAME = "monitors_team_model_name_key windows_monitor_id_kind_version_key"
TABLE = {
    "baselines.PostgresBaselines.store": uses("baselines_pkey"),
    "baselines.PostgresBaselines.store/2": uses("production_pkey"),
    "baselines.PostgresBaselines._replace": uses("baselines_pkey", "large", "model-2", "1", NOW),
    "baselines.PostgresBaselines.hold": uses("baselines_pkey", "large", "model-2", "0"),
    "baselines.PostgresBaselines.production": uses("production_pkey", "large", "model-2"),
    "baselines.PostgresBaselines.find": uses("baselines_pkey", "large", "model-2", "0"),
    "erased_entities.PostgresErasedEntities.add": uses(""),
    "erased_entities.PostgresErasedEntities.count": uses("log_erased_entities_pkey", "large", "model-2"),
    "erased_entities.PostgresErasedEntities.of": uses("log_erased_entities_pkey", ["large"], ["model-2"]),
    "erased_entities.PostgresErasedEntities.to_rewrite": uses("log_erased_entities_to_rewrite", "", ""),
    "erased_entities.PostgresErasedEntities.to_rewrite/2": uses("log_erased_entities_pkey", "large", "model-2"),
    "erased_entities.PostgresErasedEntities.rewritten": uses(
        "log_erased_entities_to_rewrite", "large", "model-2", 20_000
    ),
    "erased_entities.PostgresErasedEntities.forget": uses("log_erased_entities_by_age", NOW + timedelta(days=9), 50),
    "gaps.PostgresGaps.add": uses("gaps_pkey", NOW, "PREDICTIONS", 720),
    "gaps.PostgresGaps.add/2": uses(""),
    "gaps.PostgresGaps.noticed": uses("gaps_pkey", NOW, NOW + timedelta(minutes=50)),
    "left_files.PostgresLeftFiles.remove": uses("log_deletions_pkey", "large", "model-2"),
    "left_files.PostgresLeftFiles.remove_any": uses("log_deletions_pkey"),
    "left_files.PostgresLeftFiles._bite": uses("log_files_pkey", "large", "model-2", 50, at_most=200),
    "left_files.PostgresLeftFiles._bite/2": uses("log_deletions_pkey", "large", "model-2"),
    "log.PostgresPolicies.lock": uses("prediction_logs_pkey", "large", "model-2"),
    "log.PostgresPolicies.save": uses("prediction_logs_pkey"),
    "log.PostgresPolicies.delete": uses("prediction_logs_pkey", "large", "model-2"),
    "log.PostgresPolicies.hold": uses("prediction_logs_pkey", "large", "model-2"),
    "log.PostgresPolicies.same": uses("prediction_logs_pkey", ["large"], ["model-2"], [1]),
    "log.PostgresLogFiles.add": uses("log_waste_pkey", ["52", "53"]),
    "log.PostgresLogFiles.add/2": uses(""),
    "log.PostgresLogFiles.replace": uses("log_files_pkey", "large", "model-2", [row_id(52)], at_most=2_000),
    "log.PostgresLogFiles.erased_up_to": uses("log_files_pkey", "large", "model-2", AT_52, row_id(52), 1),
    "log.PostgresLogFiles.set_aside": uses("log_files_pkey", "large", "model-2", AT_52, row_id(52)),
    "log.PostgresLogFiles.remove_before": uses("log_files_pkey", "large", "model-2", NOW, 50, at_most=200),
    "log.wasted": uses(""),
    "log.PostgresDeletions.begin": uses(""),
    "log.PostgresDeletions.under_way": uses("log_deletions_pkey", "large", "model-2"),
    "log.PostgresErasures.add": uses("log_erased_pkey"),
    "log.PostgresErasures.among": uses("log_erased_pkey", ["large"] * 3, ["model-2"] * 3, SOME_IDS),
    "log.PostgresErasures.rewritten": uses("log_erased_pkey", "large", "model-2", SOME_IDS),
    "log_reads.PostgresLogReads.policy": uses("prediction_logs_pkey", "large", "model-2"),
    "log_reads.PostgresLogReads.policies_of": uses("prediction_logs_pkey", ["large"], ["model-2"]),
    "log_reads.PostgresLogReads.policies": uses("prediction_logs_pkey", "large", "", 21),
    "log_reads.PostgresLogReads._policies": uses("prediction_logs_pkey", "", "", 1, 101, at_most=1_000),
    "log_reads.PostgresLogReads.stored": uses("log_files_pkey", "large", "model-2", at_most=2_000),
    "log_reads.PostgresLogReads.files": (
        uses(
            "log_files_pkey prediction_logs_pkey",
            "large",
            "model-2",
            NOW,
            NOW + timedelta(days=90),
            BEFORE,
            NOW + timedelta(days=90),
            33,
        ),
        uses(
            "log_files_pkey prediction_logs_pkey",
            "large",
            "model-2",
            NOW,
            NOW + timedelta(days=5),
            BEFORE,
            NOW + timedelta(days=5),
            33,
        ),
    ),
    "log_reads.PostgresLogReads.having": uses(
        "log_files_pkey prediction_logs_pkey",
        "large",
        "model-2",
        NOW,
        NOW + timedelta(days=90),
        BEFORE,
        NOW + timedelta(days=90),
        33,
        1 << 31,
        [1, 2, 3, 200],
        at_most=2_000,
    ),
    "log_reads.PostgresLogReads.unchecked": uses("log_files_pkey", "large", "model-2", 7, 100, at_most=2_000),
    "log_reads.PostgresLogReads.mergeable": uses("log_files_to_merge", NOW.date(), 16, 100, at_most=1_000),
    "log_reads.PostgresLogReads.levels": uses("log_files_to_merge", DAY, "large", "model-2"),
    "log_reads.PostgresLogReads.to_merge": uses("log_files_to_merge", DAY, "large", "model-2", None, 16),
    "log_reads.PostgresLogReads.labels": uses("predictions_pkey", "large", "model-2", SOME_IDS, at_most=10),
    "log_reads.PostgresLogReads.to_label": uses("log_files_to_label", DAY, 50),
    "log_reads.PostgresLogReads.erased": uses("log_erased_pkey", "large", "model-2", SOME_IDS),
    "log_reads.PostgresLogReads.to_rewrite": uses("log_erased_to_rewrite", 50, "", ""),
    "log_reads.PostgresWaste.begin": uses(""),
    "log_reads.PostgresWaste.old": uses("log_waste_by_age", NOW + timedelta(days=9), 50),
    "log_reads.PostgresWaste.gone": uses("log_waste_pkey", ["52", "53"]),
    "log_reads.PostgresWaste.forget_erased": uses("log_erased_by_age", NOW + timedelta(days=9), 50),
    "monitors._SAVE": uses("monitors_pkey"),
    "monitors.PostgresMonitors.find": uses("monitors_team_model_name_key", "large", "model-2"),
    "monitors.PostgresMonitors.only_one_of": uses("monitors_by_pipeline", "large", "pipeline-2"),
    "monitors.PostgresMonitors.retrained_by": uses("monitors_by_execution", "large", "execution-52"),
    "monitors.PostgresMonitors.delete": uses("monitors_pkey"),
    "monitors.PostgresMonitors.delete/2": uses("deletions_pkey"),
    "outcomes.PostgresOutcomes.add": uses(""),
    "outcomes.PostgresOutcomes.thin": uses("outcomes_pkey", row_id(2), 2),
    "outcomes.PostgresOutcomes.of_window": uses("outcomes_pkey", row_id(2)),
    "predictions.PostgresPredictions.add": uses(""),
    "predictions.PostgresPredictions._known": uses("predictions_pkey", "large", "model-2", SOME_IDS),
    "predictions.PostgresPredictions._taken_over": uses("predictions_before_pkey", "large", "model-2", SOME_IDS),
    "predictions.PostgresPredictions.label": uses(
        "predictions_pkey", "large", "model-2", SOME_IDS, ["late"] * 3, [NOW] * 3, NOW
    ),
    "quality.PostgresQuality.find": uses("quality_pkey", row_id(2)),
    "quality.PostgresQuality.save": uses("quality_pkey"),
    "quality.PostgresQuality.discard": uses("quality_pkey", row_id(2)),
    "reads.PostgresReads.promoted": uses("production_pkey", "large", "model-2"),
    "reads.PostgresReads.overview": uses(BY_NAME, "large", "model-2"),
    "reads.PostgresReads.overviews": (
        uses(BY_NAME, "large", 1, None, "", 21),
        uses(BY_NAME, "large", 1, None, "model-4", 21),
    ),
    "reads.PostgresReads._with_reports": uses("reports_monitor_id_number_key", [row_id(2), row_id(3)], [2, 3]),
    "reads.PostgresReads.gaps": uses("gaps_pkey", NOW, 20),
    "reads.PostgresReads.reports": (
        uses("reports_of_team", "large", 1, None, None, BEFORE, 11, "", sql=OF_TEAM),
        uses("reports_of_team", "large", 1, None, None, row_id(5_000), 11, "", sql=OF_TEAM),
        uses("reports_of_model", "large", 1, None, None, BEFORE, 11, "model-2", sql=OF_MODEL),
        uses("reports_of_model", "large", 1, None, None, row_id(5_000), 11, "model-2", sql=OF_MODEL),
    ),
    "reads.PostgresReads.watched": uses("monitors_team_model_name_key", "large", "model-2"),
    "reads.PostgresReads.position": uses("report_positions_pkey", "team-7"),
    "reads.PostgresReads.following": (
        uses("reports_by_position", "large", 0, 100),
        uses("reports_by_position", "large", 19_000, 100),
    ),
    "reads.PostgresReads.due": uses("monitors_pkey windows_due", NOW, 50),
    "reports.PostgresReports.add": uses(""),
    "reports.PostgresReports.place": uses("report_positions_pkey reports_pkey", "large", [row_id(2), row_id(3)]),
    "reports.PostgresReports.purge": uses("report_purges_pkey"),
    # Entries of the index, without their rows.
    "reports.PostgresReports.purge/2": uses("reports_of_model", "large", "model-2", at_most=2_000),
    "reports.find": uses("reports_of_team", "large", row_id(62)),
    "retention.PostgresRetention.forget": uses("predictions_undated_by_age", NOW, BITE),
    # The table of before only becomes smaller; its rows lie in the order of their age.
    "retention.PostgresRetention.forget/2": uses("predictions_before_by_age", NOW, BITE, at_most=20_000),
    "retention.PostgresRetention.forget_reports": uses(
        "reports_by_age monitors_pkey reports_pkey", NOW, BITE, at_most=200
    ),
    "retention.PostgresRetention.purge": uses("report_purges_pkey", "large", "model-2"),
    "retention.PostgresRetention.purge/2": uses(
        "reports_of_model reports_pkey", "large", "model-2", NOW + timedelta(days=30), BITE, at_most=200
    ),
    "retention.PostgresRetention.purge/3": uses("report_purges_pkey", "large", "model-2"),
    "retention.PostgresRetention.purge_any": uses("report_purges_pkey"),
    "retention.PostgresRetention.forget_gaps": uses("gaps_pkey", NOW, BITE),
    "retention.PostgresRetention.forget_baselines": uses(
        "baselines_replaced monitors_team_model_name_key", NOW, BITE, at_most=200
    ),
    "retention.PostgresRetention.delete": uses("deletions_pkey"),
    "retention.PostgresRetention.delete/2": uses("predictions_pkey", "large", "model-2", row_id(5_000), BITE),
    "retention.PostgresRetention.delete/3": uses(
        "predictions_pkey", "large", "model-2", row_id(5_000), row_id(7_500), NOW + timedelta(days=30)
    ),
    "retention.PostgresRetention.delete/4": uses("deletions_pkey"),
    "retention.PostgresRetention.delete/5": uses("deletions_pkey", "large", "model-2"),
    # A monitor is deleted after its predictions were made, also when ten million of them fill nineteen years.
    "retention.PostgresRetention._earlier": uses(
        "predictions_before_pkey", "large", "model-2", NOW + timedelta(days=20 * 365), BITE
    ),
    "windows.PostgresWindows.open": uses("windows_monitor_id_kind_version_key", row_id(2), "DATA", "1"),
    "windows.PostgresWindows.of_labels": uses("windows_monitor_id_kind_version_key", row_id(3)),
    "windows.PostgresWindows.find": uses("windows_pkey", row_id(2)),
    "windows.PostgresWindows.save": uses("windows_pkey"),
    "windows.PostgresWindows.remove": uses("windows_pkey"),
    "windows.PostgresWindows.discard": uses("windows_monitor_id_kind_version_key", row_id(2), ["DATA", "PREDICTION"]),
}


async def test_every_statement_keeps_its_index_at_any_size(databases):
    await check("fp_monitor", await databases.create(MIGRATIONS, service="monitor", fresh=True), TABLE, fill=FILL)
