"""When a batch is due, and when there is no room; any order of calls keeps the promises."""

import pytest
from fp_experiment.domain.batching import Backlog, BatchPolicy
from hypothesis import given
from hypothesis import strategies as st

POLICY = BatchPolicy(rows=10, age=5.0, capacity=30, shortest=0.1, longest=9.0)


def test_a_batch_is_due_when_it_is_full_or_old():
    backlog = Backlog(POLICY)
    assert backlog.due_in(0.0) is None
    backlog.add("a", 4, 0.0, "alpha")
    assert backlog.due_in(2.0) == 3.0
    assert backlog.due_in(7.0) == 0.0
    backlog.add("b", 6, 2.0, "alpha")
    assert backlog.due_in(2.0) == 0.0


def test_rows_count_until_they_are_written():
    backlog = Backlog(POLICY)
    assert backlog.add("a", 30, 0.0, "alpha")
    assert backlog.take() == ["a"]
    assert not backlog.add("b", 1, 0.0, "alpha")
    backlog.done(1.0)
    assert backlog.add("b", 1, 0.0, "alpha")


def test_an_entry_larger_than_all_the_room_is_let_in_alone():
    backlog = Backlog(POLICY)
    assert backlog.add("huge", 100, 0.0, "alpha")
    assert not backlog.add("b", 1, 0.0, "alpha")
    assert backlog.take() == ["huge"]


def test_the_refused_wait_for_half_of_what_is_there_at_the_pace_of_the_last_batch():
    backlog = Backlog(POLICY)
    assert backlog.retry_after() == 1.0
    backlog.add("a", 10, 0.0, "alpha")
    backlog.take()
    backlog.done(2.0)
    backlog.add("b", 20, 0.0, "alpha")
    assert backlog.retry_after() == 2.0
    for _ in range(2):
        backlog.take()
        backlog.done(1e-9)
    assert backlog.retry_after() == POLICY.shortest


def test_a_batch_larger_than_the_room_is_no_policy():
    with pytest.raises(ValueError, match="capacity"):
        BatchPolicy(rows=11, capacity=10)


def test_one_team_leaves_room_for_the_next_whatever_it_logs():
    backlog = Backlog(BatchPolicy(rows=10, capacity=60))
    for team, most in (("greedy", 30), ("second", 15), ("third", 8)):
        let_in = sum(backlog.add(team, 1, 0.0, team) for _ in range(100))
        assert let_in == most
    while backlog.take():
        backlog.done(1.0)
    assert backlog.add("greedy", 30, 0.0, "greedy")


def test_teams_are_taken_in_turn_and_each_in_its_order():
    backlog = Backlog(BatchPolicy(rows=4, capacity=100))
    for number in range(5):
        backlog.add(f"much {number}", 1, 0.0, "much")
    backlog.add("little", 1, 0.0, "little")
    assert backlog.take() == ["much 0", "little", "much 1", "much 2"]
    backlog.done(1.0)
    assert backlog.take() == ["much 3", "much 4"]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(1, 40), st.sampled_from("abc")),
        st.tuples(st.just("take"), st.just(0), st.just("")),
        st.tuples(st.just("written"), st.floats(0, 100), st.just("")),
    )
)


@given(STEPS)
def test_everything_that_was_let_in_comes_out_once_in_its_teams_order_and_within_the_bounds(steps):
    backlog: Backlog[tuple[int, int, str]] = Backlog(POLICY)
    let_in, came_out, writing = [], [], False
    for now, (step, number, team) in enumerate(steps):
        if step == "add":
            before = backlog.rows
            entry = (now, number, team)
            if backlog.add(entry, number, float(now), team):
                let_in.append(entry)
                assert before == 0 or backlog.rows <= POLICY.capacity
        elif step == "take" and not writing:
            taken = backlog.take()
            assert len(taken) <= 1 or sum(rows for _, rows, _ in taken) <= POLICY.rows
            came_out += taken
            writing = True
        elif step == "written":
            backlog.done(number)
            writing = False
        assert POLICY.shortest <= backlog.retry_after() <= POLICY.longest
    while taken := backlog.take():
        came_out += taken
    backlog.done(1.0)
    for team in "abc":
        assert [entry for entry in came_out if entry[2] == team] == [entry for entry in let_in if entry[2] == team]
    assert len(came_out) == len(let_in)
    assert backlog.rows == 0
    assert backlog.due_in(0.0) is None
