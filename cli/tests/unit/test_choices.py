"""Words that are written twice must not drift apart."""

import pytest
from forgepoint.billing.v1 import billing_pb2
from forgepoint.experiment.v1 import experiment_pb2
from forgepoint.featurestore.v1 import featurestore_pb2
from forgepoint.monitor.v1 import monitor_pb2
from forgepoint.notification.v1 import notification_pb2
from fp_cli import choices


@pytest.mark.parametrize(
    ("words", "enum", "left_out"),
    [
        (choices.DriftSeverity, monitor_pb2.DriftSeverity, 0),
        (choices.MonitorState, monitor_pb2.MonitorState, 0),
        (choices.NotificationSeverity, notification_pb2.NotificationSeverity, 0),
        # SLACK and EMAIL are not offered yet.
        (choices.NotificationChannel, notification_pb2.NotificationChannel, 2),
        (choices.DeliveryStatus, notification_pb2.DeliveryStatus, 0),
        (choices.RunStatus, experiment_pb2.RunStatus, 0),
        # A run does not end RUNNING.
        (choices.RunEnd, experiment_pb2.RunStatus, 1),
        (choices.RebuildTarget, featurestore_pb2.RebuildTarget, 0),
        (choices.MeterType, billing_pb2.MeterType, 0),
        (choices.UsageGranularity, billing_pb2.UsageGranularity, 0),
        (choices.InvoiceStatus, billing_pb2.InvoiceStatus, 0),
    ],
)
def test_options_offer_the_values_of_the_api(words, enum, left_out):
    numbers = {choices.number(enum, word) for word in words}

    assert choices.number(enum, None) == 0
    assert len(numbers) == len(enum.values()) - 1 - left_out
    assert 0 not in numbers
