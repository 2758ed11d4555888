"""The order of steps."""

from fp_pipeline.domain import graph
from fp_pipeline.domain.definition import StepDefinition, StepType
from hypothesis import given
from hypothesis import strategies as st


def step(step_id: str, *parents: str) -> StepDefinition:
    return StepDefinition(id=step_id, type=StepType.CUSTOM, depends_on=parents)


@st.composite
def acyclic(draw: st.DrawFn) -> tuple[StepDefinition, ...]:
    """A graph declared in any order, whose parents are always earlier in a hidden one."""
    size = draw(st.integers(1, 12))
    steps = []
    for number in range(size):
        parents = draw(st.sets(st.integers(0, max(number - 1, 0)), max_size=3)) if number else set()
        steps.append(step(f"s{number}", *(f"s{parent}" for parent in sorted(parents))))
    return tuple(draw(st.permutations(steps)))


@given(acyclic())
def test_every_step_comes_once_and_after_its_parents(steps):
    order = graph.order(steps)
    assert sorted(order) == sorted(each.id for each in steps)
    for each in steps:
        assert all(order.index(parent) < order.index(each.id) for parent in each.depends_on)
    assert graph.cycle(steps) == ()


@given(acyclic(), st.randoms())
def test_a_cycle_is_found_wherever_it_is_closed(steps, random):
    order = graph.order(steps)
    late = random.choice(order)
    early = random.choice([late, *graph.ancestors(steps, late)])
    closed = tuple(
        step(each.id, *dict.fromkeys((*each.depends_on, late))) if each.id == early else each for each in steps
    )
    loop = graph.cycle(closed)
    assert loop
    parents = {each.id: each.depends_on for each in closed}
    assert all(parent in parents[child] for child, parent in zip(loop, (*loop[1:], loop[0]), strict=True))


def test_steps_without_order_between_them_keep_the_order_of_their_declaration():
    assert graph.order([step("z"), step("a"), step("m")]) == ("z", "a", "m")


@given(acyclic())
def test_ancestors_and_descendants_say_the_same(steps):
    for each in steps:
        for other in graph.ancestors(steps, each.id):
            assert each.id in graph.descendants(steps, [other])
