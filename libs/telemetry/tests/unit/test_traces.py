"""Spans and how a trace travels."""

import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest
from fp_telemetry import begin, end, extract, inject, inject_span, setup, span, tracing
from fp_telemetry.context import scope
from fp_testkit.patience import PATIENCE
from opentelemetry import trace
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
HEADERS = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "vendor=1"}


@pytest.fixture
def spans():
    exporter = InMemorySpanExporter()
    telemetry = setup("test", exporter=exporter)
    yield exporter.get_finished_spans
    telemetry.shutdown()


@pytest.fixture
def brought():
    """Headers that came into a process which records nothing."""
    token = scope.set(SimpleNamespace(correlation_id="c-1", metadata=HEADERS))
    yield
    scope.reset(token)


def injected():
    carrier = {}
    inject(carrier)
    return carrier


def test_spans_nest_and_keep_their_attributes(spans):
    with span("outer", kind=SpanKind.CONSUMER, attributes={"subject": "fp.models.registered"}), span("inner"):
        pass

    inner, outer = spans()
    assert inner.parent.span_id == outer.context.span_id
    assert (outer.kind, outer.attributes["subject"]) == (SpanKind.CONSUMER, "fp.models.registered")
    assert outer.resource.attributes["service.name"] == "test"


def test_an_exception_marks_the_span_and_goes_on(spans):
    with pytest.raises(KeyError), span("work"):
        raise KeyError

    (failed,) = spans()
    assert failed.status.status_code is StatusCode.ERROR


def test_a_trace_goes_out_and_comes_in_again(spans):
    with span("sender"):
        carrier = injected()
    with span("receiver", parent=extract(carrier)):
        pass

    sender, receiver = spans()
    assert receiver.context.trace_id == sender.context.trace_id
    assert receiver.parent.span_id == sender.context.span_id


def test_a_span_points_at_the_messages_of_its_batch(spans):
    remote = trace.get_current_span(extract(HEADERS)).get_span_context()
    with span("batch", links=[trace.Link(remote)]):
        pass

    (batch,) = spans()
    assert [f"{found.context.trace_id:032x}" for found in batch.links] == [TRACE]


async def test_a_span_of_begin_is_current_when_it_continues_headers(spans):
    started = begin("server", kind=SpanKind.SERVER, carrier=HEADERS)
    assert trace.get_current_span() is started
    with span("inside"):
        pass
    end(started, failed="INTERNAL", cause=ValueError("why"), attributes={"code": "INTERNAL"})

    inside, server = spans()
    assert f"{server.context.trace_id:032x}" == TRACE
    assert inside.parent.span_id == server.context.span_id
    assert (server.status.status_code, server.attributes["code"]) == (StatusCode.ERROR, "INTERNAL")
    assert server.events[0].attributes["exception.message"] == "why"


def test_a_span_of_begin_without_headers_is_not_current(spans):
    started = begin("client", kind=SpanKind.CLIENT)
    carrier = {}
    inject_span(started, carrier)

    assert trace.get_current_span() is not started
    assert f"{started.get_span_context().span_id:016x}" in carrier["traceparent"]
    end(started)


def test_without_an_exporter_nothing_is_recorded_and_no_thread_starts():
    before = threading.active_count()
    telemetry = setup("test")

    with span("work") as current:
        assert not current.is_recording()
        assert injected() == {}
    assert begin("server", kind=SpanKind.SERVER) is None
    assert not tracing()
    assert threading.active_count() == before
    telemetry.shutdown()


def test_without_an_exporter_the_sdk_is_not_even_loaded():
    program = (
        "import sys, fp_telemetry; fp_telemetry.setup('x');"
        "print([name for name in sys.modules if name.startswith(('opentelemetry.sdk', 'opentelemetry.exporter'))])"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=PATIENCE
    )

    assert found.stdout.strip() == "[]"


def test_a_trace_that_came_in_goes_on_without_an_exporter():
    with span("work", parent=extract(HEADERS)):
        assert injected() == HEADERS
    assert injected() == {}


def test_headers_that_came_in_go_on_without_an_exporter(brought):
    assert injected() == HEADERS


def test_malformed_headers_do_not_go_on():
    token = scope.set(SimpleNamespace(correlation_id="c-1", metadata={"traceparent": "00-zz\r\nx: y"}))

    assert injected() == {}
    scope.reset(token)


def test_a_nearer_span_goes_before_headers_that_came_in(brought, spans):
    with span("work") as current:
        assert f"{current.get_span_context().span_id:016x}" in injected()["traceparent"]


@pytest.mark.parametrize("value", ["", "00", "00-zz-yy-01", f"00-{'0' * 32}-{PARENT}-01", f"ff-{TRACE}-{PARENT}-01"])
def test_malformed_headers_are_as_none(value):
    assert not trace.get_current_span(extract({"traceparent": value})).get_span_context().is_valid


def test_the_shutdown_may_come_twice(spans):
    telemetry = setup("test", exporter=InMemorySpanExporter())
    telemetry.shutdown()
    telemetry.shutdown()

    assert not tracing()
