"""200,000 executions: every list of a page of 100 within 100 ms, and claiming what is open does not see the rest."""

import time
from importlib import resources
from statistics import median

import pytest
from fp_kernel import PageRequest
from fp_pipeline.adapters.postgres.leases import PostgresLeases
from fp_pipeline.adapters.postgres.reads import PostgresReads
from fp_pipeline.domain.execution import ExecutionStatus
from fp_postgres import Database

pytestmark = pytest.mark.proof
EXECUTIONS = 200_000
COMMON = "00000000-0000-7000-8000-00000000000a"
RARE = "00000000-0000-7000-8000-00000000000b"
MIDDLE = "00000000-0000-0000-0000-0000000186a0"
MILLISECONDS = 100.0
LISTS = {
    "all": ("", None),
    "of a rare status": ("", ExecutionStatus.RUNNING),
    "of a status that does not occur": ("", ExecutionStatus.CANCELLED),
    "of a pipeline": (COMMON, None),
    "of a rare pipeline": (RARE, None),
    "of a rare status of a pipeline": (COMMON, ExecutionStatus.RUNNING),
    "of nothing": (RARE, ExecutionStatus.CANCELLED),
}


@pytest.fixture
async def database(databases):
    url = await databases.create(resources.files("fp_pipeline") / "migrations", service="pipeline")
    opened = await Database.connect(url, source="pipeline")
    await _fill(opened)
    yield opened
    await opened.close()


async def _fill(database):
    for pipeline_id in (COMMON, RARE):
        await database.execute(
            """
            INSERT INTO pipelines (id, team, name, type, created_by, created_at)
            VALUES ($1::uuid, 'alpha', $1, 'TRAINING_DAG', 'ann', timestamptz '2013-03-01Z')
            """,
            pipeline_id,
        )
        await database.execute("INSERT INTO pipeline_revisions VALUES ($1::uuid, 1, '[]')", pipeline_id)
    for first in range(1, EXECUTIONS, 20_000):
        await database.execute(
            """
            INSERT INTO executions (id, team, pipeline_id, pipeline_revision, pipeline_name, type, status, input,
                triggered_by, created_at, sequence)
            SELECT lpad(to_hex(n), 32, '0')::uuid, 'alpha',
                CASE WHEN n % 20000 = 5 THEN $3::uuid ELSE $2::uuid END, 1, 'p', 'TRAINING_DAG',
                CASE WHEN n % 10000 = 7 THEN 'RUNNING' WHEN n % 3 = 0 THEN 'FAILED' ELSE 'COMPLETED' END,
                '{"model": "delays"}', 'ann', timestamptz '2013-03-01Z', 12
            FROM generate_series($1::int, $1::int + 19999) AS n
            """,
            first,
            COMMON,
            RARE,
        )
    await database.execute("ANALYZE executions")


async def test_every_list_answers_within_100_ms(database):
    reads = PostgresReads(database)
    for name, (pipeline_id, status) in LISTS.items():
        for after in (None, (MIDDLE,)):
            took = []
            for _ in range(7):
                began = time.perf_counter()
                await reads.executions("alpha", pipeline_id, status, PageRequest(100, after))
                took.append((time.perf_counter() - began) * 1_000)
            print(f"{name}, {'from the middle' if after else 'newest'}: {median(took):.1f} ms")
            assert median(took) < MILLISECONDS


async def test_a_claim_answers_within_100_ms(database):
    leases, took = PostgresLeases(database), []
    for _ in range(7):
        began = time.perf_counter()
        claimed = await leases.claim("w", 32, 0.0)  # of no length: the next one finds the same
        took.append((time.perf_counter() - began) * 1_000)
        assert len(claimed) == EXECUTIONS // 10_000
    print(f"claim of {len(claimed)} among {EXECUTIONS}: {median(took):.1f} ms, the first {took[0]:.1f}")
    assert median(took) < MILLISECONDS
