"""Lists and claims read a page, however many executions there are."""

from fp_kernel import PageRequest, new_id
from fp_pipeline.adapters.postgres.leases import PostgresLeases
from fp_pipeline.adapters.postgres.reads import PostgresReads
from fp_pipeline.domain.execution import ExecutionStatus

ROWS = 20_000
PIPELINE = "00000000-0000-7000-8000-00000000000a"
RARE = "00000000-0000-7000-8000-00000000000b"


async def fill(database, rows=ROWS):
    """Most of one team and ended; a few open, a few of another pipeline."""
    for pipeline_id in (PIPELINE, RARE):
        await database.execute(
            """
            INSERT INTO pipelines (id, team, name, type, created_by, created_at)
            VALUES ($1::uuid, 'alpha', $1, 'TRAINING_DAG', 'ann', timestamptz '2013-03-01Z')
            """,
            pipeline_id,
        )
        await database.execute("INSERT INTO pipeline_revisions VALUES ($1::uuid, 1, '[]')", pipeline_id)
    await database.execute(
        """
        INSERT INTO executions (id, team, pipeline_id, pipeline_revision, pipeline_name, type, status, input,
            triggered_by, created_at, sequence)
        SELECT lpad(to_hex(n), 32, '0')::uuid, 'alpha',
            CASE WHEN n % ($1 / 10) = 5 THEN $3::uuid ELSE $2::uuid END, 1, 'p', 'TRAINING_DAG',
            CASE WHEN n % ($1 / 20) = 7 THEN 'RUNNING' WHEN n % 3 = 0 THEN 'FAILED' ELSE 'COMPLETED' END,
            '{"model": "delays"}', 'ann', timestamptz '2013-03-01Z', 12
        FROM generate_series(1, $1::int) AS n
        """,
        rows,
        PIPELINE,
        RARE,
    )
    await database.execute("ANALYZE executions")


LISTS = {
    "all": ("", None),
    "of a status that is rare": ("", ExecutionStatus.RUNNING),
    "of a status that does not occur": ("", ExecutionStatus.CANCELLED),
    "of a pipeline": (PIPELINE, None),
    "of a pipeline that is rare": (RARE, None),
    "of a rare status of a pipeline": (PIPELINE, ExecutionStatus.RUNNING),
    "of nothing": (RARE, ExecutionStatus.CANCELLED),
}


async def test_no_list_reads_more_than_its_page(database):
    await fill(database)
    reads = PostgresReads(database)
    slow = {}
    for name, (pipeline_id, status) in LISTS.items():
        for after in (None, (new_id(),), ("00000000-0000-0000-0000-000000000100",)):
            before = await touched(database)
            await reads.executions("alpha", pipeline_id, status, PageRequest(20, after))
            read = await touched(database) - before
            if read > 200:
                slow[name, after] = read
    assert slow == {}


async def test_a_claim_reads_only_what_is_open(database):
    await fill(database)
    before = await touched(database)
    claimed = await PostgresLeases(database).claim("w", 5, 60.0)
    assert len(claimed) == 5
    assert await touched(database) - before < 200


async def touched(database) -> int:
    """Rows of executions that this session has read, in any way."""
    await database.execute("SELECT pg_stat_force_next_flush()")
    read: int = await database.fetchval(
        "SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables WHERE relname = 'executions'"
    )
    return read
