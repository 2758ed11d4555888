"""The breakers of all processes, as one."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from fp_inference.app.breakers import Breakers
from fp_inference.app.circuits import Circuits
from fp_inference.app.route_table import RouteTable
from fp_inference.domain.breaker import BreakerPolicy, State
from fp_inference.domain.circuit import Circuit, merged
from fp_inference.domain.routes import Target
from fp_kernel import NotFound, Unavailable
from fp_testkit.clock import ManualClock
from hypothesis import given
from hypothesis import strategies as st

_START = datetime(2013, 3, 1, tzinfo=UTC)
_TARGET = Target("m", "id-1", "1", "host:1", 10_000, 1, _START)
_CIRCUITS = st.builds(
    Circuit,
    st.just("id-1"),
    st.just("host:1"),
    st.sampled_from(State),
    st.integers(0, 9),
    st.none() | st.datetimes(datetime(2013, 1, 1), datetime(2014, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)


class Board:
    """What others say. away: nobody can be asked."""

    def __init__(self, *others: Circuit, away: bool = False) -> None:
        self._others = others
        self._away = away

    async def publish(self, circuits: Sequence[Circuit]) -> None: ...

    async def published(self) -> Sequence[Circuit]:
        if self._away:
            raise Unavailable("away")
        return self._others


class Processes:
    """One each."""

    def count(self, target: Target) -> int:
        return 1

    def left_out(self, target: Target) -> int:
        return 0


def circuits(clock: ManualClock, board: Board) -> tuple[Circuits, Breakers]:
    table, breakers = RouteTable(), Breakers(BreakerPolicy(failures=2), clock)
    table.settle()
    table.change("alpha", "delays", lambda route: route.deployed(_TARGET))
    return Circuits(table, breakers, board, Processes(), clock), breakers


@given(_CIRCUITS, st.lists(_CIRCUITS, max_size=4), st.randoms())
def test_the_worst_is_told_in_whatever_order_it_is_heard(own, others, random) -> None:
    whole = merged(own, others)
    states = {own.state, *(other.state for other in others)}
    assert whole.state is (
        State.OPEN if State.OPEN in states else State.HALF_OPEN if State.HALF_OPEN in states else State.CLOSED
    )
    shuffled = [own, *others]
    random.shuffle(shuffled)
    assert merged(shuffled[0], shuffled[1:]) == whole


async def test_a_target_that_nobody_called_is_closed(clock: ManualClock) -> None:
    known, _ = circuits(clock, Board())
    standing = await known.of("alpha", "delays", "1")
    assert standing.circuit == Circuit("id-1", "host:1")
    with pytest.raises(NotFound):
        await known.of("alpha", "delays", "2")
    with pytest.raises(NotFound):
        await known.of("beta", "delays", "1")


@pytest.mark.parametrize("board", [Board(), Board(away=True)])
async def test_an_open_breaker_of_this_process_is_told_with_its_time(clock: ManualClock, board: Board) -> None:
    known, breakers = circuits(clock, board)
    breaker = breakers.of(_TARGET)
    for _ in range(2):
        permit = breaker.allow(clock.monotonic())
        assert permit is not None
        breaker.failed(permit, clock.monotonic())
    opened = clock.now()
    clock.advance(5)
    (standing,) = await known.of_team("alpha", "")
    assert (standing.circuit.state, standing.circuit.failures) == (State.OPEN, 2)
    assert standing.circuit.changed_at is not None
    assert abs(standing.circuit.changed_at - opened) < timedelta(milliseconds=1)
    assert await known.of_team("alpha", "other") == []


async def test_a_breaker_of_another_process_counts_for_the_same_endpoint_only(clock: ManualClock) -> None:
    elsewhere = Circuit("id-1", "host:9", State.OPEN, 5, _START)
    known, _ = circuits(clock, Board(elsewhere))
    assert (await known.of("alpha", "delays", "1")).circuit.state is State.CLOSED
    known, _ = circuits(clock, Board(Circuit("id-1", "host:1", State.HALF_OPEN, 0, _START)))
    assert (await known.of("alpha", "delays", "1")).circuit.state is State.HALF_OPEN
