from forgepoint.events.v1 import events_pb2 as pb
from fp_events import Event
from fp_events.payloads.predictions import COMPLETED, FAILED, RECORDED, opened


def test_a_batch_opens_into_its_predictions_with_what_each_call_said():
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    batch = Event(
        RECORDED,
        pb.InferenceRecorded(
            completed=[
                pb.InferenceCompleted(
                    request_id="a", model_id="m", correlation_id="c-1", traceparent=trace, actor="key"
                ),
                pb.InferenceCompleted(request_id="b", model_id="m"),
            ],
            failed=[pb.InferenceFailed(request_id="c", correlation_id="c-3")],
        ),
        team="alpha",
        resource_id="m",
        summary="3 predictions",
    )

    first, second, third = opened(batch)

    assert [(each.type, each.payload.request_id) for each in (first, second, third)] == [
        (COMPLETED, "a"),
        (COMPLETED, "b"),
        (FAILED, "c"),
    ]
    assert (first.correlation_id, first.actor, first.trace) == ("c-1", "key", {"traceparent": trace})
    assert (second.correlation_id, second.actor, second.trace) == ("", "", {})
    assert {each.id for each in (first, second, third)} == {batch.id}
    assert {each.team for each in (first, second, third)} == {"alpha"}
    assert {each.resource_id for each in (first, second, third)} == {"m"}


def test_an_event_of_one_prediction_stays_as_it_is():
    event = Event(COMPLETED, pb.InferenceCompleted(request_id="a"), "alpha", "m", "one")
    assert opened(event) == (event,)
