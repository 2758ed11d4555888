"""What others hear of writes."""

from fp_featurestore.adapters.events import to_event
from fp_featurestore.domain.events import WrittenFeatures
from fp_featurestore.domain.log import define, evolve


def test_a_write_of_a_thousand_rows_names_a_hundred_entities(defined):
    view = evolve(None, define(None, defined(), view_id="v", team="alpha", by="ann", at=0))
    event = to_event(WrittenFeatures(view, [f"e{number}" for number in range(1_000)], "ann", 1)).payload
    assert list(event.entity_ids) == [f"e{number}" for number in range(100)]
    assert event.written_count == 1_000
