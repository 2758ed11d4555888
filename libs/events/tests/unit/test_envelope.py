from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from forgepoint.common.v1.common_pb2 import EventEnvelope
from forgepoint.events.v1.events_pb2 import ModelRegistered
from fp_events import Event, Poison, Severity, decode, encode, encoded, headers
from fp_events.message.envelope import MAX_BYTES, received, with_sequence
from fp_events.message.subjects import replay_subject
from fp_kernel import InvalidArgument, new_id
from google.protobuf import any_pb2
from hypothesis import given
from hypothesis import strategies as st

TRACE = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": "a=b"}
TEXT = st.text(max_size=30).filter(lambda text: not any("\ud800" <= character <= "\udfff" for character in text))


def event(**changes):
    made = Event("fp.models.registered", ModelRegistered(model_name="flights"), "red", "model-1", "was registered")
    return replace(made, **changes)


@given(
    team=TEXT,
    actor=TEXT,
    summary=TEXT,
    correlation_id=TEXT,
    severity=st.sampled_from(Severity),
    sequence=st.integers(0, 2**64 - 1),
    time=st.datetimes(timezones=st.just(UTC), min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)),  # noqa: DTZ001
)
def test_every_event_is_read_back_as_it_was_written(**fields):
    written = event(trace=TRACE, source="registry", **fields)
    assert decode(encode(written), headers(written)) == written


@given(sequence=st.integers(0, 2**64 - 1), before=st.integers(0, 2**64 - 1))
def test_the_sequence_can_be_set_behind_the_envelope(sequence, before):
    assert decode(with_sequence(encode(event(sequence=before)), sequence)).sequence == sequence


def test_the_envelope_is_the_contract_s():
    written = event(actor="user-1", severity=Severity.CRITICAL, source="registry", correlation_id="c", sequence=9)
    envelope = EventEnvelope.FromString(encode(written))
    assert (envelope.id, envelope.type, envelope.source) == (written.id, "fp.models.registered", "registry")
    assert (envelope.team, envelope.actor, envelope.severity, envelope.resource_id) == ("red", "user-1", 4, "model-1")
    assert (envelope.sequence, envelope.summary, envelope.correlation_id) == (9, "was registered", "c")
    assert envelope.timestamp.ToDatetime(UTC) == written.time
    payload = ModelRegistered()
    assert envelope.data.Unpack(payload)
    assert payload == written.payload


def test_the_headers_are_those_of_cloudevents_in_binary_mode():
    written = event(trace=TRACE, source="registry", time=datetime(2026, 3, 1, 12, 30, 5, 250, tzinfo=UTC))
    assert headers(written) == {
        "Nats-Msg-Id": written.id,
        "content-type": "application/protobuf",
        "ce-id": written.id,
        "ce-type": "fp.models.registered",
        "ce-source": "registry",
        "ce-time": "2026-03-01T12:30:05.000250Z",
        "ce-specversion": "1.0",
        **TRACE,
    }


def test_an_event_without_a_trace_has_no_trace_headers():
    assert not headers(event()).keys() & {"traceparent", "tracestate"}


def test_times_of_other_zones_are_the_same_instant():
    local = datetime(2026, 3, 1, 14, 0, tzinfo=timezone(timedelta(hours=2)))
    assert decode(encode(event(time=local))).time == local
    assert headers(event(time=local))["ce-time"] == "2026-03-01T12:00:00Z"


def test_a_message_is_the_event_under_its_subject():
    written = event()
    message = encoded(written)
    assert (message.id, message.subject) == (written.id, written.type)
    assert decode(message.data, message.headers) == written


@pytest.mark.parametrize("subject", ["", "models.registered", "fp.models", "fp.models.", "fp.models.>", "fp.mo dels.x"])
def test_a_type_that_is_no_subject_is_refused(subject):
    with pytest.raises(ValueError, match="no subject"):
        encode(event(type=subject))


@pytest.mark.parametrize(
    "event_id", ["", "1", "{0190a0b0-0000-7000-8000-000000000000}", "0190A0B0-0000-7000-8000-00000000000A"]
)
def test_an_id_in_another_form_than_databases_write_is_refused(event_id):
    with pytest.raises(ValueError, match="no UUID"):
        encode(event(id=event_id))


def test_an_event_that_no_message_holds_is_refused_at_its_producer():
    with pytest.raises(InvalidArgument) as refused:
        encode(event(payload=ModelRegistered(model_name="x" * MAX_BYTES)))
    assert refused.value.reason == "EVENT_TOO_LARGE"


def _envelope(**fields):
    envelope = EventEnvelope(id=new_id(), type="fp.models.registered", **fields)
    envelope.data.Pack(ModelRegistered())
    return envelope


def _with(change):
    envelope = _envelope()
    change(envelope)
    return envelope.SerializeToString()


UNREADABLE = {
    "bytes": b"\xff\xff",
    "nothing": b"",
    "no id": _with(lambda envelope: envelope.ClearField("id")),
    "no subject": _with(lambda envelope: setattr(envelope, "type", "registered")),
    "no payload": _with(lambda envelope: envelope.ClearField("data")),
    "bad payload": _with(lambda envelope: setattr(envelope.data, "value", b"\xff")),
    "time after all times": _with(lambda envelope: setattr(envelope.timestamp, "seconds", 2**60)),
    "time before all times": _with(lambda envelope: setattr(envelope.timestamp, "seconds", -(2**60))),
}


@pytest.mark.parametrize("data", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_an_unreadable_message_is_poison(data):
    with pytest.raises(Poison):
        decode(data)


@pytest.mark.parametrize(
    "name", ["forgepoint.events.v2.Launched", "forgepoint.events.v1.No", "forgepoint.events.v1.DESCRIPTOR"]
)
def test_a_payload_of_a_later_build_is_kept_as_it_came(name):
    envelope = _envelope()
    envelope.data.CopyFrom(any_pb2.Any(type_url=f"type.googleapis.com/{name}", value=b"\x0a\x01x"))
    event = decode(envelope.SerializeToString())
    assert not event.known
    assert event.payload == envelope.data
    assert decode(encode(event)) == event


def test_a_severity_of_a_later_build_is_unspecified():
    envelope = _envelope()
    envelope.severity = 77
    assert decode(envelope.SerializeToString()).severity is Severity.UNSPECIFIED


AUDIT = "fp.audit.recorded"


def test_what_several_services_tell_ends_with_the_one_that_tells_it():
    sent = encoded(event(type=AUDIT, source="registry"))

    assert (sent.subject, sent.headers["ce-type"]) == ("fp.audit.recorded.registry", AUDIT)
    assert received(sent.subject, sent.data).type == AUDIT
    assert received(replay_subject("auth-audit", sent.subject, 7), sent.data).source == "registry"
    assert encoded(event(source="registry")).subject == "fp.models.registered"


@pytest.mark.parametrize("source", ["auth", "", "registry.auth"])
def test_a_service_tells_nothing_in_the_name_of_another(source):
    forged = encode(event(type=AUDIT, source=source))

    with pytest.raises(Poison) as refused:
        received("fp.audit.recorded.registry", forged)
    assert refused.value.reason == "TYPE_IS_NOT_ITS_SUBJECT"


def test_a_type_that_has_the_noun_in_it_frees_no_source():
    forged = encode(event(type="fp.audit.recorded.registry", source="auth"))

    with pytest.raises(Poison) as refused:
        received("fp.audit.recorded.registry", forged)
    assert refused.value.reason == "TYPE_IS_NOT_ITS_SUBJECT"


def test_records_from_before_sources_were_proven_are_read():
    assert received(AUDIT, encode(event(type=AUDIT, source="registry"))).source == "registry"
