import pytest
from fp_events import tracing
from fp_events.publisher.origin import attributed
from fp_telemetry import correlation_id, inject, setup, span
from fp_testkit.suites.consuming import registered
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


@pytest.fixture
def exported():
    exporter = InMemorySpanExporter()
    telemetry = setup("test", exporter=exporter)
    yield lambda: telemetry.shutdown() or exporter.get_finished_spans()
    telemetry.shutdown()


def published(name="flights"):
    """An event as the outbox completes it inside a request's span."""
    token = correlation_id.set(f"correlation-{name}")
    try:
        with span(f"request {name}"):
            return attributed(registered(name), "registry")
    finally:
        correlation_id.reset(token)


def test_a_single_event_is_handled_in_the_trace_of_its_request(exported):
    event = published()
    with tracing.handling("billing", [event]):
        assert correlation_id.get() == "correlation-flights"
        with span("postgres transaction"):
            pass
    assert correlation_id.get() == ""
    by_name = {found.name: found for found in exported()}
    request, process = by_name["request flights"], by_name["billing process"]
    assert process.parent.span_id == request.context.span_id
    assert by_name["postgres transaction"].parent.span_id == process.context.span_id
    assert len({found.context.trace_id for found in by_name.values()}) == 1


def test_every_event_of_a_batch_has_a_span_in_its_own_trace_linked_to_the_batch(exported):
    events = [published("a"), published("b")]
    with tracing.handling("billing", events), span("postgres transaction"):
        pass
    found = exported()
    batch = next(each for each in found if each.name == "billing process batch")
    messages = [each for each in found if each.name == "billing process"]
    requests = {each.context.trace_id for each in found if each.name.startswith("request")}
    assert {each.context.trace_id for each in messages} == requests
    assert batch.context.trace_id not in requests
    assert all(each.links[0].context.span_id == batch.context.span_id for each in messages)
    effect = next(each for each in found if each.name == "postgres transaction")
    assert effect.parent.span_id == batch.context.span_id


def test_a_handler_that_fails_marks_its_span(exported):
    with pytest.raises(RuntimeError), tracing.handling("billing", [published()]):
        raise RuntimeError
    (process,) = (found for found in exported() if found.name == "billing process")
    assert not process.status.is_ok


def test_without_an_exporter_the_trace_still_goes_on():
    trace = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    carrier = {}
    with tracing.handling("billing", [attributed(registered(), "x"), registered()]):
        inject(carrier)
    assert not carrier
    event = registered()
    with tracing.handling("billing", [type(event)(**{**_fields(event), "trace": trace})]):
        inject(carrier)
    assert carrier["traceparent"].split("-")[1] == trace["traceparent"].split("-")[1]


def _fields(event):
    return {name: getattr(event, name) for name in event.__slots__}
