"""Chunks of a window cost the same wherever they are."""

import asyncpg
from fp_featurestore.adapters.postgres.offline import _WINDOW

FILL = """
    INSERT INTO feature_values (copy, entity_id, event_time, available_at, version, ordinal, schema_version, packed)
    SELECT copy, 'e' || place % 500, place, place, 1, place, 1, '\\x00'
    FROM offline_copies CROSS JOIN generate_series(1, 20000) AS place
"""


async def test_a_chunk_reads_on_in_the_index_and_sorts_nothing(desk, defined, database_of_features):
    view, _ = await desk.define(defined("ours")), await desk.define(defined("theirs"))
    await desk.database.execute(FILL)
    await desk.database.execute("ANALYZE")
    connection = await asyncpg.connect(database_of_features, statement_cache_size=0)
    try:
        for mode in ("force_generic_plan", "force_custom_plan"):
            await connection.execute(f"DEALLOCATE ALL; SET plan_cache_mode = {mode}")
            await connection.execute(f"PREPARE asked AS {_WINDOW}")
            values = f"'{view.id}', 10, 'e', 20000, 30000, 5, 4096"
            text = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN EXECUTE asked ({values})"))
            assert "feature_values_by_time" in text
            assert "Sort" not in text
            assert "ROW(" in text.partition("Index Cond")[2].partition("\n")[0]
    finally:
        await connection.close()
