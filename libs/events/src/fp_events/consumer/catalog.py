"""The durables of the platform."""

from collections.abc import Mapping

from fp_events.consumer.declaration import Consumer

# Every durable of the platform. `fp events init` creates them ahead of a deploy, and the producers of an interest
# stream before they publish: such a stream keeps an event only for the durables that exist by then. A durable is added
# here with the code that consumes it, not before: what nobody takes fills the stream.
REGISTRY = Consumer("registry", ("fp.models.>",), takes_unknown=True)
PIPELINE = Consumer("pipeline", ("fp.models.drift.detected", "fp.models.archived"))
PIPELINE_CANARY = Consumer(
    "pipeline-canary",
    ("fp.inference.recorded", "fp.inference.completed", "fp.inference.failed"),
    batch=500,
    ack_wait=5.0,
    linger=0.25,
)
# Predictions and all else: two positions, so that the inbox of the many is kept for as long as theirs may come again.
BILLING = Consumer(
    "billing",
    ("fp.inference.recorded", "fp.inference.completed", "fp.inference.counted"),
    batch=500,
    ack_wait=5.0,
    linger=0.25,
    holds=True,
)
BILLING_RESOURCES = Consumer(
    "billing-resources",
    (
        "fp.models.version.ready",
        "fp.models.archived",
        "fp.models.restored",
        "fp.pipelines.step.completed",
        "fp.pipelines.step.failed",
    ),
    batch=500,
    ack_wait=5.0,
)
EXPERIMENT = Consumer(
    "experiment",
    (
        "fp.models.>",
        "fp.pipelines.started",
        "fp.pipelines.step.completed",
        "fp.pipelines.completed",
        "fp.pipelines.failed",
        "fp.pipelines.model.>",
        "fp.features.>",
    ),
    ack_wait=5.0,
    takes_unknown=True,
)

# Promotions, predictions and retrainings: three positions, so that none waits for another.
MONITOR = Consumer("monitor", ("fp.models.promoted",), ack_wait=5.0)
MONITOR_TRAFFIC = Consumer(
    "monitor-traffic", ("fp.inference.recorded", "fp.inference.completed"), batch=500, ack_wait=5.0, linger=0.25
)
MONITOR_RETRAININGS = Consumer("monitor-retrainings", ("fp.pipelines.started", "fp.pipelines.failed"), ack_wait=5.0)

# Every stream but predictions, audit, dead letters and what the service tells itself (ADR 0080).
NOTIFICATION = Consumer(
    "notification",
    ("fp.models.>", "fp.pipelines.>", "fp.features.>", "fp.experiments.>", "fp.billing.>", "fp.auth.>"),
    batch=500,
    takes_unknown=True,
)

CONSUMERS: tuple[Consumer, ...] = (
    REGISTRY,
    PIPELINE,
    PIPELINE_CANARY,
    BILLING,
    BILLING_RESOURCES,
    EXPERIMENT,
    MONITOR,
    MONITOR_TRAFFIC,
    MONITOR_RETRAININGS,
    NOTIFICATION,
)

# Durables of earlier builds by their stream, deleted by whoever ensures it: one that nobody reads any more holds the
# events of an interest stream for ever, and counts as lag elsewhere.
RETIRED: Mapping[str, tuple[str, ...]] = {
    "INFERENCE": ("monitor-traffic", "pipeline-canary"),
    "MODELS": ("billing",),
    "PIPELINES": ("billing",),
}
