"""Metrics and the rules of their names."""

import asyncio

import pytest
from fp_telemetry import Metrics, names, watch_event_loop
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector


@pytest.fixture
def metrics():
    return Metrics("registry")


def test_a_metric_is_named_for_its_service(metrics):
    metrics.counter("models_registered_total", "Models.").inc()

    body, content_type = metrics.render()
    assert b"fp_registry_models_registered_total 1.0" in body
    assert content_type.startswith("text/plain")


def test_all_kinds_are_rendered_with_their_labels(metrics):
    metrics.counter("calls_total", "Calls.", ("method",)).labels("Get").inc(2)
    metrics.gauge("queue_depth", "Depth.", ("stream",)).labels("MODELS").set(7)
    metrics.histogram("wait_seconds", "Wait.", buckets=(0.1, 1.0)).observe(0.5)

    text = metrics.render()[0].decode()
    assert 'fp_registry_calls_total{method="Get"} 2.0' in text
    assert 'fp_registry_queue_depth{stream="MODELS"} 7.0' in text
    assert 'fp_registry_wait_seconds_bucket{le="1.0"} 1.0' in text
    assert "_created" not in text


def test_the_process_itself_is_measured(metrics):
    assert b"process_resident_memory_bytes" in metrics.render()[0]


def test_asking_again_answers_the_same_metric(metrics):
    assert metrics.counter("calls_total", "Calls.") is metrics.counter("calls_total", "Calls.")


def test_two_services_in_one_process_do_not_mix(metrics):
    metrics.counter("calls_total", "Calls.").inc()

    assert b"calls_total" not in Metrics("billing").render()[0]


@pytest.mark.parametrize(
    ("kind", "name", "labels"),
    [
        ("counter", "calls", ()),
        ("counter", "fp_calls_total", ()),
        ("counter", "Calls_total", ()),
        ("counter", "calls-made_total", ()),
        ("counter", "", ()),
        ("gauge", "depth_total", ()),
        ("histogram", "wait", ()),
        ("histogram", "wait_ms", ()),
        ("counter", "calls_total", ("user_id",)),
        ("counter", "calls_total", ("team",)),
    ],
)
def test_an_unfit_name_or_label_is_refused(metrics, kind, name, labels):
    with pytest.raises(ValueError, match="metric"):
        getattr(metrics, kind)(name, "Help.", labels)


def test_a_name_keeps_its_kind_and_labels(metrics):
    metrics.counter("calls_total", "Calls.", ("method",))

    with pytest.raises(ValueError, match="another kind or other labels"):
        metrics.counter("calls_total", "Calls.")
    metrics.gauge("depth", "Depth.")
    with pytest.raises(ValueError, match="another kind or other labels"):
        metrics.histogram("depth", "Depth.")


def test_a_collector_of_ones_own_is_registered_once(metrics):
    class Own(Collector):
        def collect(self):
            return [GaugeMetricFamily("fp_registry_own", "Own.", value=3)]

    first, second = metrics.collector("own", Own), metrics.collector("own", Own)

    assert first is second
    assert b"fp_registry_own 3.0" in metrics.render()[0]


def test_the_shared_names_keep_the_rules():
    kinds = {"_total": "counter", "_seconds": "histogram"}
    shared = {value for name, value in vars(names).items() if name.isupper() and isinstance(value, str)}

    assert len(shared) > 10
    for name in shared:
        kind = next((kind for ending, kind in kinds.items() if name.endswith(ending)), "gauge")
        names.check(kind, name, ())


async def test_a_blocked_loop_shows_as_lag(metrics, monkeypatch):
    """Time is passed in: the loop wakes 0.75 s after its timer was due."""
    wakes = [0.0, 1.0, 1.0, 1.25]
    slept = []

    async def sleep(seconds):
        slept.append(seconds)
        if len(slept) == 3:
            raise asyncio.CancelledError

    monkeypatch.setattr("fp_telemetry.loop.time.monotonic", lambda: wakes.pop(0) if wakes else 2.0)
    monkeypatch.setattr("fp_telemetry.loop.asyncio.sleep", sleep)

    with pytest.raises(asyncio.CancelledError):
        await watch_event_loop(metrics)

    assert metrics.registry.get_sample_value("fp_registry_event_loop_lag_seconds") == 0.75
