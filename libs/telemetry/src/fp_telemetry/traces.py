"""Spans and W3C Trace Context."""

import re
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from fp_telemetry.context import scope

TRACEPARENT: Final = "traceparent"
TRACESTATE: Final = "tracestate"
_FORM: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")
_propagator = TraceContextTextMapPropagator()


class _Tracing:
    """The tracer of this process; None while no endpoint was given, and then spans are not made."""

    tracer: Tracer | None = None


def use(tracer: Tracer | None) -> None:
    """Called by `setup` and by its shutdown."""
    _Tracing.tracer = tracer


def tracing() -> bool:
    """Whether spans are recorded: a hot path may skip the making of attributes when not."""
    return _Tracing.tracer is not None


def span(
    name: str,
    *,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Mapping[str, Any] | None = None,
    links: Sequence[Link] = (),
    parent: Context | None = None,
) -> AbstractContextManager[Span]:
    """One piece of work as a span, current inside the block; an exception marks it as failed and goes on.

    parent: from `extract`, where the work was started by another process; default is the current span.
    """
    if _Tracing.tracer is None:
        return _unrecorded(parent)
    return _Tracing.tracer.start_as_current_span(
        name, context=parent, kind=kind, attributes=attributes, links=tuple(links)
    )


@contextmanager
def _unrecorded(parent: Context | None) -> Iterator[Span]:
    """No span, but a trace that came in goes on to the calls made inside."""
    if parent is None:
        yield trace.get_current_span()
        return
    token = contexts.attach(parent)
    try:
        yield trace.get_current_span(parent)
    finally:
        contexts.detach(token)


def inject(carrier: MutableMapping[str, str]) -> None:
    """Write the current trace into outgoing headers; nothing when there is none."""
    # An empty context is the plain case, and soon seen.
    if contexts.get_current() and trace.get_current_span().get_span_context().is_valid:
        _propagator.inject(carrier)
    elif (here := scope.get()) is not None and _FORM.fullmatch(here.metadata.get(TRACEPARENT, "")):
        # Nothing is recorded here, so that nothing was parsed either: what came in goes on as it is.
        carrier.update((name, here.metadata[name]) for name in (TRACEPARENT, TRACESTATE) if name in here.metadata)


def current() -> SpanContext | None:
    """The span that is current here, or the one whose trace came in; None when there is none."""
    found = trace.get_current_span().get_span_context()
    if not found.is_valid and (here := scope.get()) is not None:
        found = trace.get_current_span(extract(here.metadata)).get_span_context()
    return found if found.is_valid else None


def extract(carrier: Mapping[str, str]) -> Context:
    """The trace of incoming headers; an empty context when they carry none or a malformed one."""
    if TRACEPARENT not in carrier:
        return Context()
    return _propagator.extract(carrier, context=Context())


def begin(
    name: str,
    *,
    kind: SpanKind,
    attributes: Mapping[str, Any] | None = None,
    carrier: Mapping[str, str] | None = None,
) -> Span | None:
    """Start a span for code that cannot be a block, as an interceptor cannot; `end` ends it.

    carrier: incoming headers. With them the span continues their trace and is current for the rest of the task, which
    must be a task of its own. None while spans are not recorded; the trace of a call goes on all the same.
    """
    recorder = _Tracing.tracer
    if recorder is None:
        return None
    if carrier is None:
        return recorder.start_span(name, kind=kind, attributes=attributes)
    parent = extract(carrier)
    started = recorder.start_span(name, context=parent, kind=kind, attributes=attributes)
    contexts.attach(trace.set_span_in_context(started, parent))
    return started


def end(
    span: Span, *, failed: str = "", cause: BaseException | None = None, attributes: Mapping[str, Any] | None = None
) -> None:
    """failed: why the span's status is an error; empty for success. cause: recorded with the span as an event."""
    if attributes:
        span.set_attributes(attributes)
    if cause is not None:
        span.record_exception(cause)
    if failed:
        span.set_status(Status(StatusCode.ERROR, failed))
    span.end()


def inject_span(span: Span | None, carrier: MutableMapping[str, str]) -> None:
    """Like `inject`, for a span of `begin` that is not current."""
    if span is None:
        inject(carrier)
    else:
        _propagator.inject(carrier, trace.set_span_in_context(span))


def trace_headers(span: Span | None) -> tuple[tuple[str, str], ...]:
    """What `inject_span` writes, for a call that is about to leave; nothing for most of a program that records none."""
    if span is None and not contexts.get_current() and scope.get() is None:
        return ()
    carrier: dict[str, str] = {}
    inject_span(span, carrier)
    return tuple(carrier.items())
