import pytest
from forgepoint.monitor.v1 import monitor_pb2 as pb
from fp_cli import documents
from fp_kernel import InvalidArgument


def test_enums_may_be_written_as_they_are_printed():
    document = {
        "model_name": "m",
        "thresholds": [{"driftType": "data", "method": "DRIFT_METHOD_PSI", "warn_score": 0.1}],
    }

    found = documents.fill(pb.ConfigureMonitorRequest(), document)

    assert found.thresholds[0] == pb.ThresholdConfig(
        drift_type=pb.DRIFT_TYPE_DATA, method=pb.DRIFT_METHOD_PSI, warn_score=0.1
    )


@pytest.mark.parametrize(
    "document",
    [
        {"modle_name": "m"},
        {"thresholds": [{"method": "PSY"}]},
        {"thresholds": 7},
        {"window_size": "many"},
        {"thresholds": [7]},
    ],
)
def test_what_does_not_fit_is_refused(document):
    with pytest.raises(InvalidArgument, match="file"):
        documents.fill(pb.ConfigureMonitorRequest(), document)


def test_a_line_ends_where_json_says_so():
    """U+2028 and U+0085 may stand within a text."""
    text = '{"name": "a\u2028b"}\r\n\n{"name": "c\u0085d"}\n'
    assert list(documents.objects(text)) == [("line 1", {"name": "a\u2028b"}), ("line 3", {"name": "c\u0085d"})]
