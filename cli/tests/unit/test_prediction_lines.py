"""Each line of a file is a prediction."""

from types import SimpleNamespace

import grpc
from forgepoint.inference.v1 import inference_pb2 as pb
from fp_cli import prediction_lines


class Client:
    """Of a model of one text; keeps what it is asked, and answers nothing."""

    def __init__(self):
        self.channel = grpc.insecure_channel("127.0.0.1:1")
        self.asked = []

    def call(self, method, request):
        specs = [pb.TensorSpec(name="x", dtype=pb.DATA_TYPE_STRING, shape=[-1])]
        return SimpleNamespace(model_info=SimpleNamespace(inputs=specs))

    def stream(self, method, request):
        self.asked += [item.item_id for item in request.items]
        return ()


def test_a_text_within_a_line_ends_no_line(tmp_path):
    """U+2028 and U+0085 end one for `str.splitlines`, and none for JSON."""
    file, client = tmp_path / "lines", Client()
    file.write_text('{"x": ["a\u2028b"]}\n\n{"x": ["c\u0085d"]}\n', encoding="utf-8")
    assert list(prediction_lines.answers(client, pb.StreamPredictRequest(model_name="m"), file)) == []
    assert client.asked == ["1", "3"]
