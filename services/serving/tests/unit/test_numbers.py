"""Quantiles of latencies, and threads for a quota."""

import pytest
from fp_serving.domain.cpus import parse_cpu_max, threads
from fp_serving.domain.latency import WINDOW, Latencies


def test_quantiles_are_those_of_the_newest_runs() -> None:
    latencies = Latencies()
    assert latencies.quantile(0.5) == 0.0
    for _ in range(WINDOW):
        latencies.add(9.0)
    for number in range(WINDOW):
        latencies.add(float(number))
    assert latencies.last == WINDOW - 1
    assert latencies.quantile(0.5) == WINDOW / 2
    assert latencies.quantile(1.0) == WINDOW - 1


@pytest.mark.parametrize(
    ("quota", "usable", "expected"), [(None, 4, 4), (0.5, 4, 1), (1.5, 4, 2), (8.0, 4, 4), (None, 0, 1)]
)
def test_threads_follow_the_quota_and_never_exceed_the_cpus(quota: float | None, usable: int, expected: int) -> None:
    assert threads(quota=quota, usable=usable) == expected


@pytest.mark.parametrize(("text", "expected"), [("max 100000\n", None), ("150000 100000\n", 1.5)])
def test_the_quota_of_a_control_group_is_read(text: str, expected: float | None) -> None:
    assert parse_cpu_max(text) == expected
