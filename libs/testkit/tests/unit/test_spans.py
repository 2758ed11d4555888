import asyncio

import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Link


@pytest.fixture(params=[Compression.NoCompression, Compression.Gzip])
def provider(spans, request):
    exporter = OTLPSpanExporter(endpoint=f"{spans.endpoint}/v1/traces", compression=request.param)
    made = TracerProvider(resource=Resource.create({"service.name": "inference"}), shutdown_on_exit=False)
    made.add_span_processor(SimpleSpanProcessor(exporter))
    yield made
    made.shutdown()


async def test_spans_come_back_with_parent_links_and_attributes(spans, provider):
    tracer = provider.get_tracer("test")
    with tracer.start_as_current_span("predict", attributes={"model": "flights", "items": 2}) as parent:
        other = parent.get_span_context()
        with tracer.start_as_current_span("forward", links=[Link(other)], attributes={"stages": ["a", "b"]}):
            """Ends at once."""

    collected = await spans.wait_for(lambda found: len(found) == 2)

    child, root = collected
    assert (root.name, root.service, root.parent_id) == ("predict", "inference", "")
    assert root.attributes == {"model": "flights", "items": 2}
    assert child.parent_id == root.span_id
    assert child.attributes == {"stages": ["a", "b"]}
    assert child.links == ((root.trace_id, root.span_id),)
    assert spans.trace(root.trace_id) == collected


async def test_a_span_that_does_not_come_is_missed_with_the_names_of_those_that_came(spans, provider):
    with provider.get_tracer("test").start_as_current_span("predict"):
        """Ends at once."""

    with pytest.raises(TimeoutError, match="inference: predict"):
        await spans.wait_for(lambda found: len(found) == 2, patience=0.1)


async def test_a_flush_that_blocks_the_loop_is_answered(spans, provider):
    with provider.get_tracer("test").start_as_current_span("predict"):
        """Ends at once."""

    await asyncio.sleep(0)
    assert len(spans.spans) == 1
