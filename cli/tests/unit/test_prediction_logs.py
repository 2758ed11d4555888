"""How a prediction log looks to people."""

from struct import pack

import pytest
from forgepoint.common.v1.model_pb2 import TENSOR_TYPE_FLOAT32, TENSOR_TYPE_STRING
from forgepoint.events.v1 import events_pb2
from forgepoint.monitor.v1 import prediction_log_pb2 as pb
from fp_cli.prediction_logs import basis_points, row, written
from fp_kernel import InvalidArgument


@pytest.mark.parametrize(
    ("share", "found"), [("5%", 500), ("0.25%", 25), ("100%", 10_000), ("0%", 0), ("100.00%", 10_000)]
)
def test_a_share_is_per_cent(share, found):
    assert basis_points(share) == found


@pytest.mark.parametrize("share", ["5", "101%", "100.01%", "-1%", "0.001%", "%", "five%"])
def test_what_is_no_share_is_refused(share):
    with pytest.raises(InvalidArgument):
        basis_points(share)


def test_a_row_shows_columns_by_name_and_the_first_values_of_others():
    prediction = events_pb2.LoggedPrediction(request_id="r", rows=1)
    prediction.inputs.add(
        name="x", type=TENSOR_TYPE_FLOAT32, shape=[1, 2], data=pack("<2f", 40, 0.5), columns=["age", "hour"]
    )
    prediction.inputs.add(name="who", type=TENSOR_TYPE_STRING, shape=[1], data=b"\x03\0\0\0ann")
    prediction.outputs.add(name="p", type=TENSOR_TYPE_FLOAT32, shape=[1, 10], data=pack("<10f", *range(10)))
    shown = row(pb.PredictionRecord(prediction=prediction, version="3"))
    assert shown["inputs"] == "x=[age:40,hour:0.5] who=['ann']"
    assert shown["outputs"] == "p=[0,1,2,3,4,5,6,7,...]"


def test_an_export_is_whole_files_and_leaves_nothing_of_one_that_broke_off(tmp_path):
    pieces = [
        pb.ExportPredictionsResponse(data=b"ab"),
        pb.ExportPredictionsResponse(data=b"c", last=True, predictions=7),
        pb.ExportPredictionsResponse(data=b"d", last=True, predictions=1),
    ]
    found = list(written(pieces, tmp_path / "new"))
    assert [(path.name, path.read_bytes(), number) for path, number in found] == [
        ("predictions-00000.parquet", b"abc", 7),
        ("predictions-00001.parquet", b"d", 1),
    ]

    def broken():
        yield pieces[0]
        raise ConnectionError

    with pytest.raises(ConnectionError):
        list(written(broken(), tmp_path / "half"))
    assert list((tmp_path / "half").iterdir()) == []
