"""Spans read back: an OTLP/HTTP receiver on loopback that stores what it gets."""

import asyncio
import gzip
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from fp_testkit.patience import PATIENCE

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
    from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage

_POLL = 0.02


@dataclass(frozen=True, slots=True)
class CollectedSpan:
    """Ids are lower-case hex. service: the resource's `service.name`. links: trace ids and span ids it points to."""

    name: str
    service: str
    trace_id: str
    span_id: str
    parent_id: str
    kind: int
    status: int
    attributes: dict[str, Any] = field(default_factory=dict)
    links: tuple[tuple[str, str], ...] = ()


class SpanCollector:
    """Serves from a thread of its own, so that an exporter that blocks the loop while it flushes is still answered."""

    def __init__(self) -> None:
        self._spans: list[CollectedSpan] = []
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.collect = self._spans.extend
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_POLL,), name="spans", daemon=True)
        self._thread.start()

    @property
    def endpoint(self) -> str:
        """For FP_OTEL_ENDPOINT and `fp_telemetry.setup`."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def spans(self) -> tuple[CollectedSpan, ...]:
        return tuple(self._spans)

    def trace(self, trace_id: str) -> tuple[CollectedSpan, ...]:
        """The spans of one trace, in the order of their arrival."""
        return tuple(span for span in self._spans if span.trace_id == trace_id)

    async def wait_for(
        self, found: Callable[[tuple[CollectedSpan, ...]], bool], *, patience: float = PATIENCE
    ) -> tuple[CollectedSpan, ...]:
        """The spans as soon as `found` holds for them; exporters send in batches, some seconds late.

        Raises TimeoutError that names what there is instead.
        """
        deadline = asyncio.get_running_loop().time() + patience
        while not found(self.spans):
            if asyncio.get_running_loop().time() > deadline:
                names = sorted({f"{span.service}: {span.name}" for span in self._spans})
                raise TimeoutError(f"not among the spans {names}")
            await asyncio.sleep(_POLL)
        return self.spans

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    collect: Callable[[list[CollectedSpan]], None]


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.collect(decode(body))
        self.send_response(200)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 -- the base class names it so
        """Nothing: the test says what matters."""


def decode(body: bytes) -> list[CollectedSpan]:
    """The spans of one export request."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
        ExportTraceServiceRequest,
    )

    request = ExportTraceServiceRequest.FromString(body)
    return [
        _span(span, str(_attributes(resource.resource.attributes).get("service.name", "")))
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def _span(span: "SpanMessage", service: str) -> CollectedSpan:
    return CollectedSpan(
        name=span.name,
        service=service,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        kind=span.kind,
        status=span.status.code,
        attributes=_attributes(span.attributes),
        links=tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
    )


def _attributes(pairs: "Any[KeyValue]") -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: "AnyValue") -> Any:
    chosen = value.WhichOneof("value")
    if chosen == "array_value":
        return [_value(item) for item in value.array_value.values]
    return getattr(value, chosen) if chosen else None
