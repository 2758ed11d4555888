import pytest
from fp_kernel import InvalidArgument, new_id
from fp_registry.app.positions import MAX_POSITIONS, Position, parse_positions
from hypothesis import given
from hypothesis import strategies as st


@given(st.lists(st.integers(1, 10**17), max_size=MAX_POSITIONS))
def test_positions_are_read_as_they_were_written(revisions):
    positions = tuple(Position(new_id(), revision) for revision in revisions)
    assert parse_positions(", ".join(map(str, positions))) == positions


@pytest.mark.parametrize("text", ["x", "7", f"{'0' * 36}:1", "00000000-0000-7000-8000-000000000000:", "a:b:c", ":1"])
def test_what_no_write_answered_is_no_position(text):
    with pytest.raises(InvalidArgument) as refused:
        parse_positions(text)
    assert refused.value.fields[0].field == "fp-position"


def test_a_read_names_only_so_many_positions():
    with pytest.raises(InvalidArgument):
        parse_positions(",".join(str(Position(new_id(), 1)) for _ in range(MAX_POSITIONS + 1)))
