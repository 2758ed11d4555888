"""The trail of a prediction as people see it."""

from datetime import UTC, datetime
from struct import pack

from forgepoint.common.v1.model_pb2 import TENSOR_TYPE_FLOAT32
from forgepoint.experiment.v1 import experiment_pb2
from forgepoint.platform.v1 import platform_pb2 as pb
from fp_cli import trails


def test_it_reads_from_the_data_to_the_bill_and_ends_with_what_is_missing():
    trail = pb.PredictionTrail()
    trail.origins.add(kind=experiment_pb2.LINEAGE_KIND_DATA, id="flights", facts={"as_of": "2013-03-01"})
    record = trail.prediction
    record.model_name, record.version, record.actual_label = "delays", "3", "late"
    record.prediction.is_canary, record.prediction.trace_id = True, "ab" * 16
    record.prediction.answered_at.FromDatetime(datetime(2013, 3, 7, 12, tzinfo=UTC))
    record.prediction.inputs.add(name="x", type=TENSOR_TYPE_FLOAT32, shape=[1, 1], data=pack("<f", 7))
    record.prediction.outputs.add(name="p", type=TENSOR_TYPE_FLOAT32, shape=[1, 1], data=pack("<f", 0.25))
    trail.version.artifact_digest = "sha256:ab"
    trail.usage.total_quantity = 900
    trail.invoice_line.quantity = 27_000
    trail.invoice_line.amount.amount_micros = 1_500_000
    trail.invoice_line.amount.currency_code = "EUR"
    trail.invoice_id = "i"
    trail.missing.add(part="audit_entries", reason="needs audit:read\n")
    shown = list(trails.lines(trail))
    assert [line.split()[0] for line in shown] == [
        *("came", "version", "asked", "answered", "traced", "happened", "metered", "billed", "no"),
    ]
    assert shown[0].endswith("data flights as_of=2013-03-01")
    assert "delays@3, as a canary sha256:ab" in shown[1]
    assert "x=[7]" in shown[2]
    assert "p=[0.25]" in shown[3]
    assert shown[4].endswith("ab" * 16)
    assert "27000 requests, 1.50 EUR, invoice i" in shown[7]
    assert "audit entries" in shown[8]
    assert "\n" not in shown[8]
