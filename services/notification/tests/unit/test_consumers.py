import pytest
from forgepoint.events.v1 import events_pb2
from fp_events import Event, Poison, Severity
from fp_events.streams import DLQ, STREAMS, by_stream
from fp_notification.api.consumers import EVENTS, facts, handler
from fp_notification.domain.matching import NOT_OFFERED, OWN
from fp_notification.domain.patterns import meets
from fp_testkit.wallclock import MOMENT
from google.protobuf.any_pb2 import Any


def event(payload, event_type="fp.rockets.launched", **more):
    return Event(event_type, payload, team="alpha", resource_id="r1", summary="Up.", **more)


def test_every_stream_is_read_but_predictions_audit_own_events_and_dead_letters():
    closed = (*NOT_OFFERED, *OWN)
    offered = {
        subject for stream in STREAMS for subject in stream.subjects if not any(meets(subject, each) for each in closed)
    }
    assert {part for parts in by_stream(EVENTS.subjects).values() for part in parts} == offered
    assert not any(meets(subject, each) for subject in EVENTS.subjects for each in closed)
    assert {stream.name for stream in EVENTS.streams if stream != DLQ}.isdisjoint(
        {"INFERENCE", "PREDICTIONS", "AUDIT", "NOTIFICATIONS"}
    )


def test_the_facts_of_an_event_are_those_of_its_envelope():
    found = facts(event(events_pb2.RunCreated(run_id="x"), severity=Severity.CRITICAL, source="rockets"))
    assert (found.type, found.team, found.severity, found.source) == ("fp.rockets.launched", "alpha", 4, "rockets")


def test_a_payload_of_a_later_build_has_no_fields_for_texts():
    later = Any(type_url="type.googleapis.com/forgepoint.events.v1.RocketLaunched", value=b"\x0a\x01x")
    found = facts(event(later))
    assert (found.type, found.summary, dict(found.details)) == ("fp.rockets.launched", "Up.", {})


def test_texts_see_the_plain_fields_of_any_payload_and_nothing_else():
    payload = events_pb2.ModelDriftDetected(model_name="delays", sample_count=9, report_id="r" * 900)
    payload.metrics.add(name="psi")
    details = dict(facts(event(payload)).details)
    assert (details["model_name"], details["sample_count"], len(details["report_id"])) == ("delays", "9", 200)
    assert {"metrics", "window_start", "retrain_context"}.isdisjoint(details)
    with pytest.raises(KeyError):
        facts(event(payload)).details["metrics"]


async def test_a_user_of_no_team_is_poison():
    handle = handler(None, None, None, lambda _: None)
    with pytest.raises(Poison):
        await handle([event(events_pb2.UserCreated(user_id="ann"), "fp.auth.user.created")])


async def test_a_member_whose_event_tells_no_time_is_of_the_time_of_the_event():
    members = []

    async def follow(found):
        members.extend(found)

    async def notify(_):
        return 0

    user = event(events_pb2.UserCreated(user_id="ann", team="alpha"), "fp.auth.user.created", time=MOMENT)
    await handler(follow, None, notify, lambda _: None)([user])
    assert [each.joined_at for each in members] == [MOMENT]
