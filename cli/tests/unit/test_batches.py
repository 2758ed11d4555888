import pytest
from forgepoint.monitor.v1 import monitor_pb2 as pb
from fp_cli import batches
from fp_cli.failures import next_step
from fp_kernel import Unavailable, invalid


def labels(count, *, text="x"):
    return [pb.GroundTruthLabel(request_id=str(number), actual_label=text) for number in range(count)]


def test_parts_hold_a_thousand_rows_and_all_of_them_in_order():
    items = labels(2_001)
    found = list(batches.parts(items))

    assert [(start, len(part)) for start, part in found] == [(0, 1_000), (1_000, 1_000), (2_000, 1)]
    assert [item for _, part in found for item in part] == items


def test_parts_are_no_larger_than_the_platform_takes():
    found = list(batches.parts(labels(20, text="x" * 1_000_000)))

    assert all(sum(item.ByteSize() for item in part) < 8 * 1024 * 1024 for _, part in found)
    assert sum(len(part) for _, part in found) == 20


def test_of_nothing_there_are_no_parts():
    assert list(batches.parts([])) == []


def test_an_error_of_a_part_names_the_line_and_how_to_go_on():
    with (
        pytest.raises(type(invalid("x", "y")), match="line 7: labels") as raised,
        batches.placing(4, ["line 6", "line 7"], "k"),
    ):
        raise invalid("labels[1].actual_label", "must be 1 to 256 bytes")

    assert "the first 4 are done" in next_step(raised.value)
    assert "--idempotency-key k" in next_step(raised.value)


def test_an_error_of_the_first_part_has_nothing_to_go_on_from():
    with pytest.raises(Unavailable, match=r"^away$") as raised, batches.placing(0, ["line 2"], "k"):
        raise Unavailable("away", retry_after=2.0)

    assert raised.value.retry_after == 2.0
    assert "idempotency" not in next_step(raised.value)
