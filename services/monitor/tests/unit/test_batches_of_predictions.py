"""Predictions come in batches; each of them counts."""

from collections.abc import Sequence
from datetime import UTC, datetime

from forgepoint.events.v1 import events_pb2 as pb
from fp_events import Event
from fp_monitor.api.consumers import count_traffic
from fp_monitor.app.count_traffic import CountTraffic, PredictionRecorded

_AT = datetime(2013, 3, 1, tzinfo=UTC)


class Counting(CountTraffic):
    def __init__(self) -> None:
        self.counted: list[PredictionRecorded] = []

    async def __call__(self, batch: Sequence[PredictionRecorded]) -> None:
        self.counted += batch


async def test_each_answered_prediction_of_a_batch_is_counted_and_none_that_failed() -> None:
    count = Counting()
    completed = [pb.InferenceCompleted(request_id=f"r-{number}", model_name="delays") for number in range(2)]
    batch = pb.InferenceRecorded(completed=completed, failed=[pb.InferenceFailed(request_id="lost")])
    single = pb.InferenceCompleted(request_id="single", model_name="delays")
    events = [
        Event("fp.inference.recorded", batch, "alpha", "m", "Three.", time=_AT),
        Event("fp.inference.completed", single, "alpha", "m", "One.", time=_AT),
    ]
    await count_traffic(count)(events)
    assert [(counted.event_id, counted.prediction.request_id) for counted in count.counted] == [
        (events[0].id, "r-0"),
        (events[0].id, "r-1"),
        (events[1].id, "single"),
    ]
