"""The lists of the projection, against a sorted set made of a Python list."""

from dataclasses import replace
from datetime import UTC, datetime

from fp_registry.adapters.projection import keys
from fp_registry.app.read_ports import ModelFilter
from fp_registry.domain.model import NewModel, register
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2013, 3, 1, tzinfo=UTC)
# Texts that would be mistaken for one another if they were not escaped.
texts = st.sampled_from(["", "*", "onnx", "on|nx", "onnx|", "%2A", "a b", "ä", "{x}", "\x01"])
models = st.builds(
    lambda framework, task, archived, tag: replace(
        register(NewModel(name="m"), team="alpha", owner_id="ann", now=NOW),
        framework=framework,
        task_type=task,
        archived_at=NOW if archived else None,
        tags={"tier": tag},
    ),
    texts,
    texts,
    st.booleans(),
    texts,
)
filters = st.builds(
    ModelFilter,
    framework=texts,
    task_type=texts,
    tag=st.none() | st.tuples(st.just("tier"), texts),
    archived=st.booleans(),
)


def in_range(member, upper, lower):
    """As Redis compares: bytes, `(` excludes, `[` includes."""
    high, low, value = upper.encode(), lower.encode(), member.encode()
    return value < high[1:] and value >= low[1:]


@given(st.lists(models, max_size=12), filters)
def test_a_filter_finds_what_it_asks_for_and_nothing_else(registered, wanted):
    index = [f"{name}\0{model.id}" for model in registered for name in keys.model_lists(model)]
    found = {
        keys.sort_key_of(member.encode())
        for name in keys.lists_for(wanted)
        for member in index
        if in_range(member, *keys.page_bounds(name, ""))
    }

    def matches(model):
        if model.archived and not wanted.archived:
            return False
        if wanted.tag:
            return model.tags["tier"] == wanted.tag[1]
        return wanted.framework in ("", model.framework) and wanted.task_type in ("", model.task_type)

    assert found == {model.id for model in registered if matches(model)}


@given(st.integers(1, 10**12), st.integers(1, 10**12))
def test_versions_sort_by_their_number_and_not_by_its_text(one, other):
    assert (keys.after_ordinal(str(one)) < keys.after_ordinal(str(other))) == (one < other)


@given(texts.filter(bool), texts.filter(bool))
def test_teams_never_share_a_key(one, other):
    first, second = keys.team_keys("g", one), keys.team_keys("g", other)
    assert (first == second) == (one == other)
    assert keys.generation_of(first.documents) == "g"
