"""Spans reach a collector over OTLP/HTTP."""

import gzip
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from fp_telemetry import setup, span
from fp_testkit.patience import PATIENCE
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Collector:
    def __init__(self):
        self.requests = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                collector.requests.append((self.path, ExportTraceServiceRequest.FromString(body)))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def collector():
    collector = Collector()
    yield collector
    collector.close()


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_shutdown_flushes_spans_to_the_endpoint(collector, slash):
    telemetry = setup("registry", otlp_endpoint=collector.endpoint + slash, environment="test")
    with span("work"):
        pass
    telemetry.shutdown()

    ((path, request),) = collector.requests
    resource = {item.key: item.value.string_value for item in request.resource_spans[0].resource.attributes}
    assert path == "/v1/traces"
    assert (resource["service.name"], resource["deployment.environment.name"]) == ("registry", "test")
    assert request.resource_spans[0].scope_spans[0].spans[0].name == "work"


def test_a_collector_that_is_away_holds_the_shutdown_only_shortly(caplog):
    telemetry = setup("registry", otlp_endpoint="http://127.0.0.1:1")
    with span("work"):
        pass
    finished = threading.Thread(target=telemetry.shutdown)
    finished.start()
    finished.join(PATIENCE)

    assert not finished.is_alive()
