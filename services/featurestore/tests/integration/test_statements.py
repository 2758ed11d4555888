"""Every statement of this service at 20,000 rows; see docs/how-to/test-sql-statements.md."""

from importlib import resources

from fp_featurestore.adapters.postgres.rows import VIEW as VIEW_OF_SERVICE
from fp_testkit.statements import check, uses

MIGRATIONS = resources.files("fp_featurestore") / "migrations"


def row_id(n):
    return f"019ca000-0000-7000-8000-{n:012x}"


VIEW = "('019ca000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid"
TEAM = "CASE WHEN n % 50 = 2 THEN 'large' ELSE 'team-' || n % 200 END"
ROWS = "FROM generate_series(1, 20000) AS n"
NO_ROWS = "NULL, NULL, NULL, NULL, NULL"
FILL = (
    f"INSERT INTO offline_copies (view_id) SELECT {VIEW} {ROWS}",
    "INSERT INTO offline_copies (view_id) SELECT view_id FROM offline_copies WHERE copy % 1000 = 2",
    f"""
    INSERT INTO feature_views SELECT {VIEW}, {TEAM}, 'v' || n, '', 'e', 'k', '', '[]', 0, 'ann', 0, 0, NULL, 1,
           CASE WHEN n BETWEEN 19991 AND 20000 THEN (extract(epoch FROM now()) * 1000000)::bigint ELSE n END, n {ROWS}
    """,  # noqa: S608 -- constants
    "UPDATE feature_views SET retention = 86400000000 WHERE offline_copy % 1000 = 2",
    f"INSERT INTO feature_log SELECT {VIEW}, 1, 'VIEW_DEFINED', {TEAM}, 0, 'ann', '{{}}', {NO_ROWS} {ROWS}",
    f"""
    INSERT INTO feature_log SELECT '{row_id(2)}', n + 1, 'FEATURES_WRITTEN', 'large', 0, 'ann', NULL, 1,
           array['a'], array[n], array[n], array['\\x00'::bytea] {ROWS}
    """,
    f"INSERT INTO feature_values SELECT 2, 'e' || n % 500, n, n, n + 1, 1, 1, '\\x00' {ROWS}",
    # A trim says in its transaction that it may; here there is none.
    "ALTER TABLE feature_log DISABLE TRIGGER feature_log_append_only",
    f"INSERT INTO feature_values SELECT 3, 'e' || n % 500, n, n, n + 1, 1, 1, '\\x00' {ROWS}",
)
VIEW_COLUMNS = VIEW_OF_SERVICE.strip()
FIRST, LAST = row_id(0), "ffffffff-ffff-ffff-ffff-ffffffffffff"
OF_TEAM = f"SELECT {VIEW_COLUMNS} FROM feature_views v WHERE v.team = $1"  # noqa: S608 -- constants
SAVED = (row_id(2), "large", "v2", "", "e", "k", "", "[]", 0, "ann", 0, 0, None, 2, 0, 0, 2)
ASKS = (["e5", "e7"], [9_000, 9_000], [9_000, 9_000])
TABLE = {
    "history._RETAINED": uses("feature_views_retained", FIRST, 20, at_most=50),
    "history._PLACES": uses("feature_values_by_time", 2, 9_000, "e5", 20_000, 20),
    "history._TRIM_VALUES": uses("feature_values_by_time feature_values_key", 2, [5, 7], ["e5", "e7"], 20_000, 20_001),
    "history._LIVE": uses("feature_log_pkey feature_values_key", 2, row_id(2), [6, 8], 20_000, 20_001),
    "history.PostgresHistory.trim": uses("feature_views_pkey", row_id(2)),
    "history._REWRITE": uses("feature_log_pkey", row_id(2), 7, ["a"], [1], [1], [b"x"]),
    "history._DELETE_EVENTS": uses("feature_log_pkey", row_id(2), [6, 8]),
    "history._WRITES": uses("feature_log_pkey", row_id(2), 20),
    "history._FIRST_BEHIND": uses("feature_log_pkey", row_id(2), 100, 0),
    "history._ADVANCE": uses("feature_views_pkey", row_id(2), 5, None),
    "copies._DELETE_ROWS": uses(
        "feature_values_key", 2, "e7", 5_000, 0, 0, 20, at_most=150, sorts="the last of a bite"
    ),
    "copies.PostgresCopies.stale": uses("feature_views_copy offline_copies_pkey", 10_000, 500, at_most=1_200),
    "copies.PostgresCopies.sweep": uses("feature_views_copy offline_copies_of_view", row_id(2)),
    "copies.PostgresCopies.switch": uses("feature_log_pkey", row_id(2)),
    "copies.PostgresCopies._restore": uses("feature_log_definitions", row_id(2)),
    "copies.PostgresCopies._delete": uses("offline_copies_pkey"),
    "log.PostgresLog.rows": tuple(uses("feature_log_pkey", row_id(2), after, 20_000, 4) for after in (0, 15_000)),
    "log.PostgresLog.version": uses("feature_log_pkey", row_id(2)),
    "offline._AS_OF": uses("feature_values_key feature_views_pkey", row_id(2), *ASKS, 20_001, [-(2**60), 8_000]),
    "offline._WINDOW": tuple(
        uses("feature_values_by_time feature_views_pkey", row_id(2), after, "e", 20_000, 30_000, 30_000, 20)
        for after in (0, 15_000)
    ),
    "offline.PostgresOffline.fence": uses("feature_views_pkey", row_id(2)),
    "statements.NEW_COPY": uses(""),
    "statements.PROJECT": uses("feature_log_pkey", 4, row_id(2), 100, 119),
    "statements.SAVE_VIEW": uses("feature_views_pkey", *SAVED),
    "log.PostgresLogWriter.lock": uses("feature_views_pkey", row_id(2)),
    "views.PostgresViewNames.lock": uses("feature_views_name", "large", "v52"),
    "log.PostgresLogWriter.defined_by": uses("feature_log_definitions", row_id(2)),
    "log.PostgresLogWriter.append": uses("", row_id(30_000), 1, "VIEW_DEFINED", "large", 0, "ann", "{}"),
    "log.PostgresLogWriter.append/2": uses("feature_views_pkey", row_id(2)),
    "log.PostgresLogWriter.write": uses(""),
    "log.PostgresLogWriter.write/2": uses("feature_views_pkey", row_id(2), 2, 2),
    "views.PostgresViews.view": (
        uses("feature_views_of_team", "large", row_id(52), sql=f"{OF_TEAM} AND v.id = $2"),
        uses("feature_views_name", "large", "v52", sql=f"{OF_TEAM} AND v.name = $2 AND v.deleted_at IS NULL"),
    ),
    "views.PostgresViews.views": tuple(
        uses("feature_views_names", "large", last, 21) for last in (LAST, row_id(10_000))
    ),
    "views._NAMED": tuple(
        uses("feature_views_names feature_views_pkey", "large", LAST, name, 21, 200, at_most=450, sorts="a page")
        for name in ("v1", "nothing is called so")
    ),
    "views.PostgresViews.live": tuple(uses("feature_views_pkey", after, 20) for after in (FIRST, row_id(10_000))),
    "views.PostgresViews.heads": tuple(uses("feature_views_pkey", after, 20) for after in (FIRST, row_id(10_000))),
    "views.PostgresViews.changed": uses("feature_views_recent", 20),
}


async def test_every_statement_keeps_its_index_at_any_size(databases):
    url = await databases.create(MIGRATIONS, service="featurestore", fresh=True)
    await check("fp_featurestore", url, TABLE, fill=FILL)
