"""Logs, traces and metrics of one process, set up by one call.

Promises:

- `setup` is the only place that starts anything. Without an OTLP endpoint there is no exporter, no SDK and no thread;
  `span` then costs a function call, and a trace that came in still goes out with `inject`.
- Logs are JSON lines on stderr: a constant `message`, facts as fields, and the service, trace id and correlation id of
  the call that is being handled. Fields whose names are those of secrets are masked. Records of other libraries
  (grpc, asyncio, nats) come out in the same form.
- Traces follow W3C Trace Context, over gRPC metadata, HTTP headers and bus headers alike.
- Metrics are named `fp_<noun>_<name>`; `names` says which names and labels are fit, so that label sets stay bounded.
- `watch_event_loop` measures how late the event loop runs: the first sign of work that belongs into a thread.
"""

from fp_telemetry.context import correlation_id
from fp_telemetry.logs import Log, get_logger
from fp_telemetry.loop import watch_event_loop
from fp_telemetry.metrics import Metrics
from fp_telemetry.setup import Telemetry, setup
from fp_telemetry.traces import begin, end, extract, inject, inject_span, span, trace_headers, tracing

__all__ = [
    "Log",
    "Metrics",
    "Telemetry",
    "begin",
    "correlation_id",
    "end",
    "extract",
    "get_logger",
    "inject",
    "inject_span",
    "setup",
    "span",
    "trace_headers",
    "tracing",
    "watch_event_loop",
]
