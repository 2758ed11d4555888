"""Ids sort by their creation and parse back."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from fp_kernel import InvalidArgument, new_id, parse_id
from fp_kernel import ids as ids_module
from fp_kernel.ids import uuid7
from fp_testkit.wallclock import MOMENT, real_now
from hypothesis import given
from hypothesis import strategies as st

milliseconds = st.integers(0, (1 << 48) - 1)


def test_ids_of_one_process_strictly_grow():
    ids = [new_id() for _ in range(20_000)]

    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)


def test_ids_strictly_grow_when_the_clock_stands_still_or_goes_back(monkeypatch):
    now = 1_800_000_000 * 10**9
    times = iter([now, now, now - 10**12, now - 10**15, now])
    monkeypatch.setattr(ids_module.time, "time_ns", lambda: next(times))

    ids = [new_id() for _ in range(5)]

    assert ids == sorted(set(ids))


def test_ids_of_many_threads_are_all_different():
    with ThreadPoolExecutor(8) as threads:
        batches = list(threads.map(lambda _: [new_id() for _ in range(500)], range(8)))

    assert len({each for batch in batches for each in batch}) == 4_000
    assert all(batch == sorted(batch) for batch in batches)


@given(milliseconds)
def test_an_id_is_a_version_7_uuid_of_its_time(unix_ms):
    made = uuid7(unix_ms)

    assert made.version == 7
    assert made.variant == "specified in RFC 4122"
    assert made.int >> 80 == unix_ms


@given(milliseconds, milliseconds)
def test_ids_of_different_times_sort_by_time(left, right):
    if left != right:
        assert (str(uuid7(left)) < str(uuid7(right))) == (left < right)


def test_a_new_id_carries_the_present():
    before = int(real_now().timestamp() * 1_000)

    made = UUID(new_id()).int >> 80

    assert made >= before


def test_a_new_id_carries_the_time_that_it_is_given():
    for days in (-4_000, 0, 4_000):
        moment = MOMENT + timedelta(days=days)
        assert UUID(new_id(moment)).int >> 80 == int(moment.timestamp()) * 1_000


def test_ids_of_a_clock_that_stands_or_steps_back_a_little_strictly_grow():
    ids = [new_id(MOMENT - timedelta(milliseconds=each % 7)) for each in range(10_000)]

    assert ids == sorted(set(ids))


@given(st.uuids())
def test_an_id_is_parsed_from_any_spelling_into_one(value):
    for spelling in (str(value), str(value).upper(), value.hex, f"{{{value}}}", value.urn):
        assert parse_id(spelling, "id") == str(value)


@given(st.text(max_size=60).filter(lambda text: len(text.replace("-", "")) != 32))
def test_anything_else_names_the_field(text):
    with pytest.raises(InvalidArgument) as raised:
        parse_id(text, "model_id")

    assert raised.value.fields[0].field == "model_id"
