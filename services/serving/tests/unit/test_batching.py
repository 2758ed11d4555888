"""Requests share runs without ever getting each other's answers."""

import numpy as np
import pytest
from fp_kernel import ResourceExhausted
from fp_serving.domain.batching import Batcher, BatchPolicy, join, part
from hypothesis import given
from hypothesis import strategies as st

_POLICY = BatchPolicy(max_rows=4, max_delay=0.001, max_waiting_rows=8)


def test_a_lone_request_waits_for_company_until_the_delay_is_over() -> None:
    batcher: Batcher[str, str] = Batcher(_POLICY)
    batcher.offer("f", 1, "a", now=10.0)
    assert batcher.take(10.0) == []
    assert batcher.wait(10.0) == pytest.approx(0.001)
    assert batcher.take(10.0011) == ["a"]
    assert batcher.wait(10.0011) is None


def test_a_full_batch_does_not_wait() -> None:
    batcher: Batcher[str, str] = Batcher(_POLICY)
    for name in "abcde":
        batcher.offer("f", 1, name, now=0.0)
    assert batcher.wait(0.0) == 0.0
    assert batcher.take(0.0) == ["a", "b", "c", "d"]
    assert batcher.take(0.0) == []


def test_requests_of_different_signatures_never_share_a_run() -> None:
    batcher: Batcher[str, str] = Batcher(_POLICY)
    batcher.offer("f", 1, "a", now=0.0)
    batcher.offer("g", 1, "b", now=0.0001)
    batcher.offer("f", 1, "c", now=0.0002)
    assert batcher.take(1.0) == ["a", "c"]
    assert batcher.take(1.0) == ["b"]


def test_requests_that_share_with_nobody_run_one_by_one_at_once_and_are_one_line() -> None:
    batcher: Batcher[str, str] = Batcher(_POLICY)
    for name in "abc":
        batcher.offer(None, 2, name, now=0.0)
    batcher.offer("f", 1, "other", now=0.0)
    assert len(batcher._lines) == 2
    assert [batcher.take(0.0) for _ in range(4)] == [["a"], ["b"], ["c"], []]
    assert batcher.take(1.0) == ["other"]


def test_a_request_larger_than_the_cap_runs_alone() -> None:
    batcher: Batcher[str, str] = Batcher(_POLICY)
    batcher.offer("f", 6, "large", now=0.0)
    batcher.offer("f", 1, "small", now=0.0)
    assert batcher.take(0.0) == ["large"]


def test_a_full_queue_refuses_with_a_delay() -> None:
    batcher: Batcher[str, str] = Batcher(_POLICY)
    batcher.offer("f", 8, "a", now=0.0)
    with pytest.raises(ResourceExhausted) as caught:
        batcher.offer("f", 1, "b", now=0.0)
    assert caught.value.retry_after
    assert batcher.take(0.0) == ["a"]
    batcher.offer("f", 1, "b", now=0.0)


def test_an_empty_queue_takes_a_request_of_any_size() -> None:
    batcher: Batcher[str, str] = Batcher(_POLICY)
    batcher.offer("f", 100, "a", now=0.0)
    assert batcher.take(0.0) == ["a"]


def test_the_age_of_the_queue_is_that_of_its_oldest_request() -> None:
    batcher: Batcher[str, str] = Batcher(_POLICY)
    assert batcher.age(5.0) == 0.0
    batcher.offer("f", 1, "a", now=1.0)
    batcher.offer("g", 1, "b", now=2.0)
    assert batcher.age(5.0) == 4.0


_Step = st.one_of(
    st.tuples(st.just("offer"), st.sampled_from("fgh"), st.integers(1, 6)),
    st.tuples(st.just("take"), st.floats(0, 0.003), st.just(0)),
)


@given(st.lists(_Step, max_size=60), st.integers(1, 8), st.sampled_from([0.0, 0.001]))
def test_every_request_gets_the_answer_for_its_own_rows(steps: list, max_rows: int, max_delay: float) -> None:
    policy = BatchPolicy(max_rows=max_rows, max_delay=max_delay, max_waiting_rows=20)
    batcher: Batcher[str, int] = Batcher(policy)
    requests: dict[int, tuple[str, np.ndarray]] = {}
    answers: dict[int, np.ndarray] = {}
    now = 0.0

    def run_due() -> None:
        while taken := batcher.take(now):
            keys = {requests[number][0] for number in taken}
            rows = [len(requests[number][1]) for number in taken]
            assert len(keys) == 1
            assert sum(rows) <= max_rows or len(taken) == 1
            joined = join([{"x": requests[number][1]} for number in taken])
            parted = part({"y": joined["x"] * 2, "z": joined["x"].sum(axis=1)}, rows)
            for number, answer in zip(taken, parted, strict=True):
                assert number not in answers
                answers[number] = answer["y"]
                assert np.array_equal(answer["z"], requests[number][1].sum(axis=1))

    for kind, first, second in steps:
        if kind == "offer":
            number = len(requests)
            waiting = batcher.rows
            rows = np.full((second, 2), number, dtype=np.float64) + np.arange(second)[:, None] / 16
            try:
                batcher.offer(first, second, number, now)
            except ResourceExhausted:
                assert waiting + second > policy.max_waiting_rows
                continue
            requests[number] = (first, rows)
        else:
            now += first
            run_due()
    now += 1.0
    run_due()
    assert batcher.rows == 0
    assert answers.keys() == requests.keys()
    for number, (_, rows) in requests.items():
        assert np.array_equal(answers[number], rows * 2)


@given(st.lists(st.integers(1, 5), min_size=2, max_size=20))
def test_requests_of_one_signature_run_in_the_order_they_came(sizes: list[int]) -> None:
    batcher: Batcher[str, int] = Batcher(BatchPolicy(max_rows=4, max_delay=0.0, max_waiting_rows=1_000))
    for number, rows in enumerate(sizes):
        batcher.offer("f", rows, number, now=float(number))
    order: list[int] = []
    while taken := batcher.take(100.0):
        order += taken
    assert order == list(range(len(sizes)))


@pytest.mark.parametrize("output", [np.zeros(3), np.zeros((2, 2)), np.array(1.0)])
def test_an_output_that_has_not_the_rows_of_its_input_is_never_parted(output: np.ndarray) -> None:
    with pytest.raises(ValueError, match="for 4 rows"):
        part({"y": output}, [1, 3])


def test_the_queue_is_bounded_in_bytes() -> None:
    batcher: Batcher[str, str] = Batcher(BatchPolicy(8, 0.0, 1_000, max_waiting_bytes=100))
    batcher.offer("k", 1, "large", 0.0, 300)
    with pytest.raises(ResourceExhausted):
        batcher.offer("k", 1, "next", 0.0, 1)
    assert batcher.take(0.0) == ["large"]
    batcher.offer("k", 1, "a", 0.0, 60)
    batcher.offer("k", 1, "b", 0.0, 40)
    assert batcher.bytes == 100
    assert batcher.take(0.0) == ["a", "b"]
    assert batcher.bytes == 0
