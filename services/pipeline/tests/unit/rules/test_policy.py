from datetime import UTC, datetime, timedelta

import pytest
from fp_pipeline.domain.definition import StepDefinition, StepType
from fp_pipeline.domain.execution import Step
from fp_pipeline.domain.names import AttemptName, parse_runtime
from fp_pipeline.domain.policy import Backoff, EnginePolicy
from fp_pipeline.domain.traffic import only, share
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2013, 3, 1, tzinfo=UTC)


def test_waits_double_up_to_a_ceiling():
    backoff = Backoff(initial=1, factor=2, ceiling=10, jitter=0.5)
    assert [backoff.delay(attempt, 0.0) for attempt in (1, 2, 3, 4, 5, 500)] == [1, 2, 4, 8, 10, 10]


def test_jitter_takes_away_at_most_its_share():
    backoff = Backoff(initial=4, jitter=0.5)
    assert backoff.delay(1, 1.0) == 2
    assert backoff.delay(1, 0.5) == 3


def test_a_resumed_attempt_gets_what_is_left_of_its_time_or_a_grace():
    policy = EnginePolicy(resume_grace=5)
    step = Step(id="x", definition=StepDefinition("a", StepType.CUSTOM, timeout=60), started_at=NOW)
    assert policy.time_left(step, NOW) == 60
    assert policy.time_left(step, NOW + timedelta(seconds=20)) == 40
    assert policy.time_left(step, NOW + timedelta(days=1)) == 5


def test_the_name_of_a_runtime_tells_its_attempt():
    name = AttemptName("0199b2f0-1111-7222-8333-444455556666", "deploy-it", 12)
    assert parse_runtime(name.runtime) == name
    assert parse_runtime("runtime-of-someone-else") is None
    assert len(name.runtime) < 100


@given(
    st.dictionaries(st.sampled_from("abcd"), st.integers(0, 10_000), min_size=1),
    st.integers(1, 9_999),
)
def test_shares_always_sum_to_everything(others, weight):
    weights = share("new", weight, others)
    assert sum(weights.values()) == 10_000
    assert weights["new"] == weight
    assert all(weights[version] == 0 for version, old in others.items() if old == 0 and sum(others.values()) > 0)
    assert sum(only("new", others).values()) == 10_000


def test_a_share_needs_someone_to_share_with():
    with pytest.raises(ValueError, match="another version"):
        share("new", 100, {})
