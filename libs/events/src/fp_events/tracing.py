"""The trace of an event across the bus."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from fp_telemetry import correlation_id, extract, span, tracing
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanKind

from fp_events.message.event import Event


@contextmanager
def handling(consumer: str, events: Sequence[Event]) -> Iterator[None]:
    """Run a handler where its effects belong: one event in its own trace, a batch in a trace of its own.

    Each event of a batch gets a span in its own trace, linked to the batch, so that a reader gets from a request to
    the batch that took its event.
    """
    if len(events) == 1:
        with _single(consumer, events[0]):
            yield
    elif not tracing():
        yield
    else:
        with _batch(consumer, events):
            yield


@contextmanager
def _single(consumer: str, event: Event) -> Iterator[None]:
    token = correlation_id.set(event.correlation_id)
    try:
        if not event.trace and not tracing():
            yield
            return
        with span(
            f"{consumer} process", kind=SpanKind.CONSUMER, attributes=_facts(consumer, event), parent=_parent(event)
        ):
            yield
    finally:
        correlation_id.reset(token)


@contextmanager
def _batch(consumer: str, events: Sequence[Event]) -> Iterator[None]:
    facts = {"messaging.system": "nats", "messaging.batch.message_count": len(events)}
    with span(f"{consumer} process batch", kind=SpanKind.CONSUMER, attributes=facts) as batch, ExitStack() as messages:
        link = Link(batch.get_span_context())
        for event in events:
            messages.enter_context(
                span(
                    f"{consumer} process",
                    kind=SpanKind.CONSUMER,
                    attributes=_facts(consumer, event),
                    links=(link,),
                    parent=_parent(event),
                )
            )
        # The handler serves all of them: what it does belongs to the batch, not to the event entered last.
        messages.enter_context(trace.use_span(batch, record_exception=False, set_status_on_exception=False))
        yield


def _parent(event: Event) -> Context:
    return extract(event.trace)


def _facts(consumer: str, event: Event) -> dict[str, str]:
    return {
        "messaging.system": "nats",
        "messaging.destination.name": event.type,
        "messaging.consumer.group.name": consumer,
        "messaging.message.id": event.id,
        "fp.correlation_id": event.correlation_id,
    }
