"""Every statement of this service at 20,000 rows; see docs/how-to/test-sql-statements.md."""

from datetime import UTC, datetime, timedelta
from importlib import resources

from fp_registry.adapters.postgres.rows import MODEL, VERSION, VERSION_DOCUMENT
from fp_testkit.statements import check, uses

MIGRATIONS = resources.files("fp_registry") / "migrations"
NOW = datetime(2013, 3, 1, 12, tzinfo=UTC)


def row_id(n: int) -> str:
    """What the filling gave row number n."""
    return f"01890000-0000-7000-8000-{n:012x}"


ROW_ID = "('01890000-0000-7000-8000-' || lpad(to_hex({}), 12, '0'))::uuid"
ROWS = "FROM generate_series(1, 20000) AS n"
MORE_ROWS = "FROM generate_series(1, 20400) AS n"
# One team has a fiftieth of the models, and one model of it a fiftieth of the versions.
# Versions beyond the models wait for their artifact and for no measurement. With any number of rows there are no more
# of them, nor of those that the projection lacks.
MODEL_OF = f"CASE WHEN n % 50 = 2 OR n BETWEEN 20001 AND 20400 THEN {ROW_ID.format(2)} ELSE {ROW_ID.format('n')} END"
TEAM_OF = "CASE WHEN n % 50 = 2 OR n BETWEEN 20001 AND 20400 THEN 'large' ELSE 'team-' || n % 200 END"

FILL = (
    f"""
    INSERT INTO models (id, team, name, description, owner_id, framework, task_type, tags, revision, versions,
                        next_number, created_at, updated_at)
    SELECT {ROW_ID.format("n")}, {TEAM_OF}, 'model-' || n, '', '', CASE n % 100 WHEN 2 THEN 'onnx' ELSE 'other' END,
           CASE n % 100 WHEN 2 THEN 'a' ELSE 'b' END, jsonb_build_object('tier', n % 5000), n, n, n, '2013-03-01',
           '2013-03-01' {ROWS}
    """,
    f"""
    INSERT INTO versions (id, team, model_id, version, ordinal, description, stage, status, artifact_path,
                          artifact_digest, size_bytes, metrics, signature, baseline_profile, run_id, failure_reason,
                          created_by, created_at, revision)
    SELECT {ROW_ID.format("n")}, {TEAM_OF}, {MODEL_OF}, n, n, '',
           CASE WHEN n % 50 = 3 AND n <= 20000 THEN 'PRODUCTION' ELSE 'DEV' END,
           CASE WHEN n BETWEEN 20001 AND 20400 THEN 'PENDING_UPLOAD' ELSE 'READY' END,
           'sha256/' || n, 'sha256:', 1, '{{}}', '', '', '', '', '',
           '2013-03-01'::timestamptz + n * interval '1 minute', CASE WHEN n > 20400 THEN 1 ELSE n END {MORE_ROWS}
    """,
    f"""
    UPDATE versions SET members = jsonb_build_array(jsonb_build_object('model_id', {ROW_ID.format("n - 200")}))
    FROM generate_series(201, 20000, 100) AS n WHERE id = {ROW_ID.format("n")}
    """,  # noqa: S608 -- constants
    f"""
    UPDATE versions SET members = jsonb_build_array(jsonb_build_object('model_id', {ROW_ID.format("7")}))
    WHERE id = {ROW_ID.format("207")}
    """,  # noqa: S608 -- constants
    f"""
    INSERT INTO production_tenures (team, model_id, number, version_id, version, started_at, ended_at, promoted_by)
    SELECT {TEAM_OF}, {MODEL_OF}, n, {ROW_ID.format("n")}, n, '2013-03-01'::timestamptz + n * interval '1 minute',
           CASE WHEN n % 50 = 2 OR n BETWEEN 20001 AND 20400
                THEN '2013-03-01'::timestamptz + (n + 50) * interval '1 minute' END, '' {ROWS}
    """,
    f"""
    INSERT INTO verifications (version_id, team, expected_digest, requested_by, correlation_id, trace, due_at)
    SELECT {ROW_ID.format("n")}, '', '', '', '', '{{}}', '2013-03-01'::timestamptz + n * interval '1 minute'
    {ROWS}
    """,
    f"""
    INSERT INTO artifact_claims (key, claimed_until)
    SELECT 'sha256/' || (20000 - n), '2013-03-01'::timestamptz + n * interval '1 minute' {ROWS}
    """,
    f"""
    INSERT INTO unprojected (model_id, team, revision, since)
    SELECT {ROW_ID.format("n")}, '', n, '2013-03-01'::timestamptz + n * interval '1 minute' {ROWS}
    """,
)

OF_MODELS = f"SELECT {MODEL} FROM models m WHERE m.team = $1"  # noqa: S608 -- constants
OF_VERSIONS = f"SELECT {VERSION_DOCUMENT} FROM versions v WHERE v.team = $1"  # noqa: S608 -- constants
OF_A_MODEL = f"{OF_VERSIONS} AND v.model_id = $2::uuid"
NEWEST_VERSIONS = f"{OF_A_MODEL} AND v.ordinal < $3 ORDER BY v.ordinal DESC"
NEWEST_IN_STAGE = f"{OF_A_MODEL} AND v.stage = $3 AND v.ordinal < $4 ORDER BY v.ordinal DESC"
ONE_VERSION = f"SELECT {VERSION} FROM versions v WHERE"  # noqa: S608 -- constants
PAGE = "ORDER BY m.id DESC LIMIT 21"
COUNT = "SELECT count(*) FROM models m WHERE m.team = $1"
# What a model is shown with: the version in PRODUCTION and the newest one.
SHOWN = "versions_one_production versions_ordinal"
LAST = """
    v.id = (SELECT t.version_id
            FROM production_tenures t JOIN versions w ON w.id = t.version_id
            WHERE t.team = $1 AND t.model_id = $2 AND t.ended_at IS NOT NULL AND w.stage <> 'PRODUCTION'
            ORDER BY t.number DESC LIMIT 1)
"""
NEW_MODEL = (row_id(30_000), "large", "new", "", "", "", "", "{}", 1, 0, 1, NOW, NOW)
NEW_VERSION = (
    *(
        row_id(30_000),
        "large",
        row_id(2),
        "new",
        30_000,
        "",
        "DEV",
        "READY",
        "",
        "sha256:",
        1,
        "{}",
        b"",
        b"",
        "",
        "",
        "",
    ),
    *(NOW, 2),
)
TABLE = {
    "changes.PostgresChanges.after": uses(f"models_of_team {SHOWN}", "large", row_id(2)),
    "changes.PostgresChanges.after/2": uses("versions_by_revision", "large", row_id(2), 20_350),
    "changes.PostgresChanges._some": (
        uses(f"models_pkey {SHOWN}", row_id(0), 20),
        uses(f"models_pkey {SHOWN}", row_id(15_000), 20),
    ),
    "changes.PostgresChanges._some/2": uses("versions_by_revision", ["team-7"], [row_id(7)]),
    "changes.PostgresChanges.unprojected": uses("unprojected_oldest", 100),
    "changes.PostgresChanges.note": uses("models_of_team unprojected_pkey", "team-7", [row_id(7)]),
    "changes.PostgresChanges.projected": uses("unprojected_pkey", row_id(7), 7),
    "contents.PostgresContentClaims.claim": uses("artifact_claims_pkey", "sha256/7", timedelta(hours=1)),
    "contents.PostgresContentClaims._due": uses(
        "artifact_claims_due artifact_claims_pkey versions_by_artifact", 10, timedelta(minutes=10), at_most=400
    ),
    "contents.PostgresContentClaims.forget": uses("artifact_claims_pkey", ["sha256/7"]),
    "records.PostgresRecords.version": uses("versions_pkey", "team-7", row_id(7)),
    "records.PostgresRecords.made": uses("versions_pkey models_of_team", "team-7", [row_id(7), row_id(207)]),
    "records.PostgresRecords.ensembles": uses(
        "versions_by_member models_of_team",
        *("team-7", "model_id", row_id(7), row_id(30_000), False, 21),
        sorts="ensembles of one version, which people made",
    ),
    "records.PostgresRecords.framework": uses("models_of_team", "team-7", row_id(7)),
    "records.PostgresRecords.wait_for_changes": uses("models_of_team versions_pkey", "team-7", row_id(7)),
    "records.PostgresRecords.wait_for_changes/2": uses("models_of_team", "team-7", row_id(7)),
    "records.PostgresRecords.baseline": uses("versions_pkey", "team-7", row_id(7)),
    "records.PostgresRecords.revision": uses("models_of_team", "team-7", row_id(7)),
    "records.PostgresRecords.waiting_since_before": uses(
        "verifications_pkey versions_pending", NOW + timedelta(days=30), 20
    ),
    "records.PostgresRecords.tenures": (
        uses("production_tenures_key", "large", row_id(2), 2**62, 21),
        uses("production_tenures_key", "large", row_id(2), 10_000, 21),
    ),
    "records.PostgresRecords.tenure_at": uses("production_tenures_key"),
    "records.PostgresRecords._model_is_there": uses("models_of_team", "team-7", row_id(7)),
    "reads.PostgresReads.model": (
        uses(f"models_of_team {SHOWN}", "large", row_id(2), sql=f"{OF_MODELS} AND m.id = $2::uuid"),
        uses(f"models_name {SHOWN}", "large", "model-2", sql=f"{OF_MODELS} AND m.name = $2"),
    ),
    # With the rows read as well, any index that begins with the team does.
    "reads.PostgresReads.count": uses(
        "models_of_team",
        "large",
        row_id(0),
        sql=f"{COUNT} AND m.id > $2::uuid",
        at_most=400,
        unmarked="models_name",
    ),
    "reads.PostgresReads._fetch": (
        uses(f"models_of_team {SHOWN}", "large", row_id(15_000), sql=f"{OF_MODELS} AND m.id < $2::uuid {PAGE}"),
        uses(
            f"models_by_framework {SHOWN}",
            *("large", "onnx", row_id(15_000)),
            sql=f"{OF_MODELS} AND m.framework = $2 AND m.id < $3::uuid {PAGE}",
        ),
        uses(
            f"models_by_task_type {SHOWN}",
            *("large", "a", row_id(15_000)),
            sql=f"{OF_MODELS} AND m.task_type = $2 AND m.id < $3::uuid {PAGE}",
        ),
        uses("versions_ordinal", "large", row_id(2), 10_000, sql=f"{NEWEST_VERSIONS} LIMIT 21"),
        uses("versions_by_stage", "large", row_id(2), "DEV", 10_000, sql=f"{NEWEST_IN_STAGE} LIMIT 21"),
    ),
    "models.PostgresModels.add": uses("models_name", *NEW_MODEL),
    "models.PostgresModels.lock": uses("models_of_team", "large", row_id(2)),
    "models.PostgresModels.lock/2": uses(f"models_of_team {SHOWN}", "large", row_id(2)),
    "models.PostgresModels.lock_of": uses("versions_pkey", "team-7", row_id(7)),
    "models.PostgresModels.save": uses("models_of_team", "team-7", row_id(7), "", "{}", 8, 1, 2, NOW, None),
    "versions.PostgresVersions.add": uses("versions_name", *NEW_VERSION),
    "versions.PostgresVersions.save": uses("versions_pkey"),
    "versions.PostgresVersions.compose": uses("versions_pkey", "team-7", row_id(7), b"", "[]"),
    "versions.PostgresVersions.used_by": uses("versions_by_member models_of_team", "team-7", row_id(7)),
    "versions.PostgresVersions.member_models": uses("versions_composed", "team-7", row_id(207)),
    "models.PostgresModels.hold": uses("models_of_team", "team-7", [row_id(7)]),
    "tenures.PostgresTenures.end": uses("production_tenures_one_lasts", "team-7", row_id(7), NOW),
    "tenures.PostgresTenures.begin": uses("production_tenures_key"),
    "pending_uploads.PostgresPendingUploads.add": uses("verifications_pkey", row_id(20_002), "", "", "", "", "{}"),
    "pending_uploads.PostgresPendingUploads.expected_digest": uses("verifications_pkey", row_id(7)),
    "pending_uploads.PostgresPendingUploads.remove": uses("verifications_pkey", row_id(7)),
    "changes.PostgresUnprojected.add": uses("unprojected_pkey"),
    "versions.PostgresVersions._one": (
        uses("versions_pkey", "large", row_id(2), sql=f"{ONE_VERSION} v.team = $1 AND v.id = $2"),
        uses(
            "versions_one_production",
            "team-3",
            row_id(3),
            sql=f"{ONE_VERSION} v.team = $1 AND v.model_id = $2 AND v.stage = 'PRODUCTION'",
        ),
        uses("production_tenures_key versions_pkey", "large", row_id(2), sql=f"{ONE_VERSION} {LAST}"),
    ),
    "contents.PostgresContents.refer": uses("artifact_claims_pkey", "sha256/7"),
    "contents.PostgresContents.refer/2": uses("versions_by_artifact", "sha256/7"),
    "pending_uploads.PostgresUploadQueue.take": uses("verifications_due verifications_pkey", timedelta(seconds=30)),
    "pending_uploads.PostgresUploadQueue._delay": uses("verifications_pkey", row_id(7), timedelta(seconds=1)),
}


async def test_every_statement_keeps_its_index_at_any_size(databases):
    await check("fp_registry", await databases.create(MIGRATIONS, service="registry", fresh=True), TABLE, fill=FILL)
