"""Facts lie in the month that their source's id tells, and are found there."""

import asyncio
from datetime import UTC, date, datetime

import pytest
from asyncpg import UniqueViolationError
from fp_billing.adapters.postgres.months import UNDATED, Months
from fp_billing.domain.meters import Meter
from fp_kernel import new_id
from fp_kernel.ids import uuid7

NOON = datetime(2013, 3, 10, 12, tzinfo=UTC)


def dated(moment):
    return str(uuid7(int(moment.timestamp() * 1_000)))


async def months_of(desk):
    rows = await desk.side.database.fetch("SELECT source_id, month FROM usage_facts")
    return {row["source_id"]: row["month"] for row in rows}


async def test_a_fact_lies_in_the_month_of_its_source_and_is_known_there_later(desk, clock):
    source = dated(NOON)
    await desk.use(1, source)
    assert await months_of(desk) == {source: date(2013, 3, 1)}
    clock.set_wall(datetime(2013, 5, 10, tzinfo=UTC))
    assert (await desk.use(1, source)).known


@pytest.mark.parametrize(
    "source",
    ["job 7", "ffffffff-ffff-7fff-bfff-ffffffffffff", "{0189" + 32 * "0", "013D542B-F600-7AE6-82FF-0E80871F75BF"],
)
async def test_a_source_that_tells_no_month_of_ours_is_undated_and_metered_once(desk, source):
    await desk.use(1, source)
    assert await months_of(desk) == {source: UNDATED}
    assert (await desk.use(1, source)).known


async def test_replicas_make_months_at_the_same_time_and_once(replicas, clock):
    clock.set_wall(datetime(2014, 12, 31, tzinfo=UTC))
    made = [Months(), Months()]
    await asyncio.gather(
        *(each.ensure(desk.side.database, clock.now()) for each, desk in zip(made, replicas, strict=True))
    )
    for each in made:
        assert each.of(dated(datetime(2015, 2, 28, tzinfo=UTC))) == date(2015, 2, 1)


async def test_months_and_undated_facts_past_retention_are_forgotten_and_no_others(desk, clock):
    old, young = dated(NOON), dated(datetime(2013, 4, 1, tzinfo=UTC))
    for source in (old, young, "job 7", "job 8"):
        await desk.use(1, source)
    await desk.side.database.execute(
        "UPDATE usage_facts SET recorded_at = CASE source_id WHEN 'job 7' THEN $1::timestamptz ELSE $2 END",
        datetime(2013, 3, 31, tzinfo=UTC),
        datetime(2013, 4, 2, tzinfo=UTC),
    )
    months = Months()
    await months.forget(desk.side.database, datetime(2013, 4, 1, tzinfo=UTC))
    assert set(await months_of(desk)) == {young, "job 8"}
    assert (months.of(old), months.of(young)) == (UNDATED, date(2013, 4, 1))
    # What was used stays.
    assert await desk.used() == 4


# As the code before `usage_facts` writes and reads.
OLD_ADD = """
INSERT INTO usage (team, usage_key, id, rate_plan_id, meter, quantity, billable, cost_micros, currency, source_id,
                   model_id, model_version, occurred_at, correlation_id)
VALUES ('alpha', $1, $2, '01909eb0-0000-7000-8000-000000000001', $3, 1, 0, 0, 'USD', $4, '', '', $5, '')
"""


async def test_a_fact_that_the_code_before_metered_is_known(desk):
    await desk.use()
    for key, meter, source in (("r1", Meter.INFERENCE_REQUEST, "r1"), ("r1:tokens", Meter.INFERENCE_TOKENS, "r1")):
        await desk.side.database.execute(OLD_ADD, key, new_id(), meter, source, NOON)
        assert (await desk.use(1, source, meter=meter)).known
    # The key of the tokens of r1, but another fact.
    assert not (await desk.use(1, "r1:tokens")).known


async def test_the_code_before_is_refused_a_fact_that_is_metered_and_goes_on_with_others(desk):
    await desk.use(1, "r1")
    with pytest.raises(UniqueViolationError):
        await desk.side.database.execute(OLD_ADD, "r1", new_id(), Meter.INFERENCE_REQUEST, "r1", NOON)
    await desk.side.database.execute(OLD_ADD, "r2", new_id(), Meter.INFERENCE_REQUEST, "r2", NOON)
