"""Every statement of this service at 20,000 rows; see docs/how-to/test-sql-statements.md."""

from datetime import UTC, datetime
from importlib import resources

from fp_experiment.adapters.postgres.batches import _STAGE
from fp_experiment.adapters.postgres.points import partitioned
from fp_experiment.adapters.postgres.runs import _COLUMNS, _listing
from fp_experiment.app.ports import RunFilter
from fp_experiment.domain.filters import parse
from fp_experiment.domain.runs import RunStatus
from fp_kernel import PageRequest
from fp_postgres import Database
from fp_postgres.partitions import Partitions
from fp_testkit.statements import check, uses

MIGRATIONS = resources.files("fp_experiment") / "migrations"
NOW = datetime(2026, 3, 15, tzinfo=UTC)
NEVER = datetime(2100, 1, 1, tzinfo=UTC)


def row_id(n):
    """Ids of March 2026, and their experiments."""
    return f"019ca000-0000-7000-8000-{n:012x}"


RUN = "('019ca000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid"
TEAM = "CASE WHEN n % 50 = 2 THEN 'large' ELSE 'team-' || n % 200 END"
# Of any number of rows, no more are at work.
AT_WORK = "(n % 100 = 52 AND n <= 20000)"
ROWS = "FROM generate_series(1, 20000) AS n"
FILL = (
    f"""
    INSERT INTO experiments
    SELECT {RUN}, {TEAM}, 'e' || n, '', '{{}}', 'ann', now(), now(), CASE WHEN n % 10 = 0 THEN now() END {ROWS}
    """,
    f"""
    INSERT INTO runs (id, team, experiment_id, display_name, status, source, model_version_id, owner_id, execution_id,
                      inputs, artifacts, started_at, ended_at, searchable, deleted_at)
    SELECT {RUN}, {TEAM}, ('019ca000-0000-7000-8000-' || lpad(to_hex((n - 1) / 100 * 100 + 2), 12, '0'))::uuid,
           'run ' || n,
           CASE WHEN {AT_WORK} THEN 'RUNNING' ELSE (array['FINISHED', 'FAILED', 'KILLED'])[1 + n % 3] END, 'API', '',
           'ann', '', '[]', '', now(), CASE WHEN NOT {AT_WORK} THEN now() END,
           NOT {AT_WORK} AND (n % 1000 <> 3 OR n > 20000),
           CASE WHEN n % 500 = 7 THEN now() END {ROWS}
    """,
    f"INSERT INTO run_params SELECT {RUN}, 'model', 'm' || n {ROWS}",
    f"INSERT INTO latest_metrics SELECT {RUN}, 'loss', 1, n, now() {ROWS}",
    f"INSERT INTO metric_points SELECT {RUN}, 'loss', 1, n, now() {ROWS}",
    f"INSERT INTO metric_points SELECT '{row_id(2)}', 'k' || n % 20, n, n, now() {ROWS}",
    f"INSERT INTO ended_metrics SELECT {TEAM}, 'loss', {RUN}, n {ROWS}",
    f"INSERT INTO ended_params SELECT {TEAM}, 'model', {RUN}, hashtextextended('m' || n, 0) {ROWS}",
    f"INSERT INTO deleted_runs SELECT {TEAM}, {RUN}, {RUN}, now(), 'ann' {ROWS}",
    f"INSERT INTO lineage_edges SELECT {TEAM}, 'RUN', 'r' || n, 'VERSION', 'm@' || n, 'PRODUCED', NULL, now() {ROWS}",
    f"INSERT INTO lineage_facts SELECT {TEAM}, 'VERSION', 'm@' || n, 'stage', 'DEV', now(), now() {ROWS}",
    _STAGE.replace("ON COMMIT DELETE ROWS", ""),
)
# Staged points are those of one batch.
SMALL = {"pg_inherits", "pg_class", "staged_points"}

COLUMNS = "id::text, team, name, description, tags, owner_id, created_at, updated_at, archived_at"
EXPERIMENT = f"SELECT {COLUMNS} FROM experiments WHERE team = $1 AND id = $2::uuid"  # noqa: S608 -- constants
EXPERIMENTS = f"SELECT {COLUMNS} FROM experiments AS experiment WHERE team = $1 AND id < $2::uuid"  # noqa: S608 -- constants
NEWEST = "ORDER BY experiment.id DESC LIMIT $3"
OF_RUNS = "FROM unnest($2::uuid[]) AS wanted (id) JOIN runs USING (id) WHERE team = $1 AND deleted_at IS NULL"
RUNS = f"SELECT {_COLUMNS} {OF_RUNS}"
LAST = "ffffffff-ffff-ffff-ffff-ffffffffffff"
EVER = 2**62
BITE = 400


def listing(indexes, matching="", experiment="", status=None, *, after=LAST, **more):
    """A page of the runs of a large team; as the service composes it."""
    wanted = RunFilter(experiment, status, parse(matching))
    sql, *arguments = _listing("large", wanted, PageRequest(20, (after,)))
    return uses(indexes, *arguments, sql=sql, **more)


def pages(indexes, **more):
    return tuple(listing(indexes, after=after, **more) for after in (LAST, row_id(10_000)))


LISTINGS = (
    *pages("runs_of_team"),
    *pages("runs_of_experiment", experiment=row_id(2)),
    *pages("runs_by_status", experiment=row_id(2), status=RunStatus.KILLED),
    *pages("runs_of_team_by_status", status=RunStatus.FAILED),
    listing("runs_by_name", "name = 'run 102'"),
)
FOUND = "the few that are found"
SEARCHES = (
    listing(
        "ended_metrics_by_value latest_metrics_pkey runs_not_searchable runs_of_team",
        "metrics.loss < 200",
        at_most=1_000,  # 200 runs at work
        sorts=FOUND,
    ),
    listing(
        "ended_params_by_digest run_params_pkey runs_not_searchable runs_of_team",
        "params.model = 'm102'",
        at_most=1_000,
        sorts=FOUND,
    ),
)
TABLE = {
    "batches._RUNS": uses("runs_pkey", [row_id(2), row_id(3)]),
    "batches._NEW_KEYS": uses("latest_metrics_pkey", [row_id(2)], ["loss"]),
    "batches._COUNT_KEYS": uses("latest_metrics_pkey", [row_id(2)]),
    "batches._late": uses("latest_metrics_pkey"),
    "batches._late/2": uses("latest_metrics_pkey", sorts="the points of a batch"),
    "experiments.PostgresExperiments.add": uses("experiments_name"),
    "experiments.PostgresExperiments.id_of": uses("experiments_name", "large", "e52"),
    "experiments.PostgresExperiments.save": uses("experiments_pkey"),
    "experiments.PostgresExperiments.page": (
        *(
            uses("experiments_of_team", "large", last, 21, sql=f"{EXPERIMENTS} AND true {NEWEST}")
            for last in (LAST, row_id(10_000))
        ),
        *(
            uses("experiments_live", "large", last, 21, sql=f"{EXPERIMENTS} AND archived_at IS NULL {NEWEST}")
            for last in (LAST, row_id(10_000))
        ),
    ),
    "experiments.PostgresExperiments._one": (
        uses("experiments_of_team", "large", row_id(52), sql=f"{EXPERIMENT} FOR UPDATE"),
        uses("experiments_of_team", "large", row_id(52), sql=f"{EXPERIMENT} FOR SHARE"),
    ),
    "lineage._FACTS": uses("lineage_facts_pkey"),
    "lineage._EDGES": uses("lineage_edges_pkey"),
    "lineage._LINEAGE": uses(
        "lineage_edges_back lineage_edges_pkey lineage_facts_pkey", "large", "VERSION", "m@52", 1_002
    ),
    "points._OF_RUN": tuple(
        uses("metric_points_pkey", row_id(2), *after, 0, EVER, 21) for after in (("", -1), ("k5", 9_000))
    ),
    "points._OF_KEYS": tuple(
        uses("metric_points_pkey", row_id(2), *after, 0, EVER, 21, ["k5", "k7"]) for after in (("", -1), ("k5", 9_000))
    ),
    "points._LAST": uses("metric_points_pkey", row_id(2), "k5", 0, EVER),
    "points._THINNED": tuple(
        uses(
            "metric_points_pkey",
            *(row_id(2), "k5", after, 0, EVER, float(EVER), 9, BITE),
            at_most=3 * BITE,  # and what is left of it is read twice
            sorts="a bite of a series",
        )
        for after in (-1, 9_000)
    ),
    "deleted_runs._NEXT": uses("runs_to_remove", row_id(0)),
    "deleted_runs._POINTS": uses("metric_points_pkey", row_id(2), "k5", 9_000, 20),
    "deleted_runs._REST": uses("ended_metrics_of_run", row_id(2)),
    "deleted_runs._REST/2": uses("ended_params_of_run", row_id(2)),
    "deleted_runs._REST/3": uses("latest_metrics_pkey", row_id(2)),
    "deleted_runs._REST/4": uses("run_params_pkey", row_id(2)),
    "deleted_runs._REST/5": uses("runs_pkey"),
    "deleted_runs._EXPIRE": uses("runs_pkey", row_id(10_000), NEVER, NOW, 20, at_most=200),
    "runs._SIZES": uses("latest_metrics_pkey run_params_pkey runs_of_team", "large", [row_id(52), row_id(102)]),
    "runs.PostgresRuns.add": uses(""),
    "runs.PostgresRuns.locked": uses("runs_of_team", "large", row_id(52)),
    "runs.PostgresRuns.save": uses("runs_pkey"),
    "runs.PostgresRuns.add_params": uses(""),
    "runs.PostgresRuns.add_params/2": uses("run_params_pkey", row_id(2), ["model"]),
    "runs.PostgresRuns.delete": uses("runs_pkey"),
    "runs.PostgresRuns.delete/2": uses(""),
    "runs.PostgresRuns.was_deleted": uses("deleted_runs_pkey", "large", row_id(52)),
    "runs.PostgresRuns.params_size": uses("run_params_pkey", row_id(2)),
    "runs.PostgresRuns.find": uses("runs_of_team", "large", [row_id(52)], sql=RUNS),
    "runs.PostgresRuns.there": uses("runs_of_team", "large", row_id(52)),
    "runs.PostgresRuns._whole": uses("run_params_pkey", [row_id(2), row_id(3)]),
    "runs.PostgresRuns._whole/2": uses("latest_metrics_pkey", [row_id(2), row_id(3)]),
    "runs._listing": SEARCHES,
    "runs._ordered": LISTINGS,
    "search_index._ENDED": uses("runs_to_index", 20),
    "search_index._METRICS": uses("latest_metrics_pkey", [row_id(2)], ["large"]),
    "search_index._PARAMS": uses("run_params_pkey", [row_id(2)], ["large"]),
    "search_index._DONE": uses("runs_pkey", [row_id(2)]),
}


async def prepare(url):
    """The months of the rows."""
    database = await Database.connect(url, source="experiment")
    await Partitions(database, partitioned()).ensure(NOW)
    await database.close()


async def test_every_statement_keeps_its_index_at_any_size(databases):
    url = await databases.create(MIGRATIONS, service="experiment", fresh=True)
    await prepare(url)
    await check("fp_experiment", url, TABLE, fill=FILL, small=SMALL)
