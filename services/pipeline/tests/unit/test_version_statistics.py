"""What was counted of each version of a model, for whoever compares them."""

from datetime import timedelta

from fp_pipeline.api.promotions import statistics_to_pb
from fp_pipeline.domain.statistics import Try


async def test_each_arm_is_told_with_its_failures_and_latency(service):
    now = service.clock.now()
    outcomes = [("1", "ANSWERED", 10.0)] * 98 + [("1", "ANSWERED", 80.0)] * 2 + [("2", "ANSWERED", 20.0)] * 6
    outcomes += [("2", "TIMEOUT", 0.0)] * 2 + [("2", "NO_ROWS", 20.0)] * 2 + [("3", "RATE_LIMITED", 0.0)]
    old = now - timedelta(hours=3)
    tries = [
        Try(str(number), "alpha", "delays", version, now, outcome, latency)
        for number, (version, outcome, latency) in enumerate(outcomes)
    ]
    async with service.stores.transactions() as tx:
        await tx.statistics.count("c", [*tries, Try("old", "alpha", "delays", "1", old, "TIMEOUT")])
    counted = await service.do.queries.statistics_of("alpha", "delays", timedelta(hours=1))
    one, two = statistics_to_pb(counted).versions
    assert (one.version, one.requests, one.errors, one.without_rows) == ("1", 100, 0, 0)
    assert 10 <= one.p50_ms < 11
    assert 80 <= one.p99_ms < 88
    assert (two.version, two.requests, two.errors, two.error_rate, two.without_rows) == ("2", 10, 2, 0.2, 2)
    assert await service.do.queries.statistics_of("beta", "delays", timedelta(hours=1)) == {}
