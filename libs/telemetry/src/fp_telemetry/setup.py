"""The one call that starts logs and traces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fp_telemetry import logs, traces

if TYPE_CHECKING:
    import logging

    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

_EXPORT_TIMEOUT: Final = 5.0
_FLUSH_MILLISECONDS: Final = 5_000


class Telemetry:
    """What `setup` started; `shutdown` flushes and ends it, within about five seconds."""

    def __init__(self, handler: logging.Handler, provider: TracerProvider | None) -> None:
        self._handler = handler
        self._provider = provider

    def shutdown(self) -> None:
        """Blocks while spans are flushed; safe to call twice."""
        if self._provider is not None:
            provider, self._provider = self._provider, None
            traces.use(None)
            provider.force_flush(_FLUSH_MILLISECONDS)
            provider.shutdown()
        logs.uninstall(self._handler)


def setup(
    service: str,
    *,
    level: str = "INFO",
    otlp_endpoint: str | None = None,
    environment: str = "dev",
    exporter: SpanExporter | None = None,
) -> Telemetry:
    """Start logs, and traces when there is somewhere to send them.

    level: name of the lowest level that is written.
    otlp_endpoint: base URL of an OTLP/HTTP collector; without it nothing of the SDK is loaded.
    exporter: instead of an endpoint, for tests that read spans back.
    Raises ValueError for an unknown level.
    """
    handler = logs.install(service, level, environment)
    provider = _provider(service, environment, otlp_endpoint, exporter) if otlp_endpoint or exporter else None
    traces.use(provider.get_tracer("forgepoint") if provider else None)
    return Telemetry(handler, provider)


def _provider(service: str, environment: str, endpoint: str | None, exporter: SpanExporter | None) -> TracerProvider:
    # Imported here: the SDK and its exporter cost 100 ms and 15 MB that a service without an endpoint does not pay.
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor  # noqa: PLC0415

    resource = Resource.create({"service.name": service, "deployment.environment.name": environment})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    if exporter is not None:
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        return provider
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

    address = f"{(endpoint or '').rstrip('/')}/v1/traces"
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=address, timeout=_EXPORT_TIMEOUT)))
    return provider
