"""How a version is brought up: what its runs, its artifact and its load are made of."""

from functools import partial

from fp_kernel import Clock
from fp_telemetry import Metrics

from fp_serving.adapters.artifacts import ArtifactCache
from fp_serving.adapters.machine import model_threads, resident_bytes
from fp_serving.adapters.onnx import OnnxEngine
from fp_serving.adapters.registry import RegistryClient
from fp_serving.adapters.run_metrics import RunMetrics
from fp_serving.adapters.run_notes import RunNotes, RunPlace
from fp_serving.adapters.runner import BatchRunner
from fp_serving.app.load import Admission, Load
from fp_serving.app.ports import Members
from fp_serving.app.predict import Predict
from fp_serving.app.request_counts import RequestCounts
from fp_serving.app.session import Session, Sessions
from fp_serving.app.slot import Assignment, Slot
from fp_serving.domain.batching import BatchPolicy
from fp_serving.domain.results import Results
from fp_serving.settings import Settings


def sessions(
    settings: Settings,
    registry: RegistryClient,
    counts: RequestCounts,
    metrics: Metrics,
    clock: Clock,
    *,
    notes: RunNotes | None,
) -> Sessions:
    """notes: of a process that several versions share."""
    artifacts = _artifacts(settings)
    # Threads of hundreds of small models would be more than the machine has processors.
    engine = OnnxEngine(settings.serving_threads or (1 if settings.shared else model_threads()))
    policy, observer = _policy(settings), RunMetrics(metrics)
    results = _results(settings, metrics)

    def session(assignment: Assignment, admission: Admission, members: Members) -> Session:
        slot = Slot(assignment, clock)
        place = partial(notes.place, assignment.version_id) if notes is not None else RunPlace
        runner = BatchRunner(policy, threads=settings.serving_runs, clock=clock, observer=observer, place=place)
        load = Load(
            slot,
            registry=registry,
            artifacts=artifacts,
            engine=engine,
            runner=runner,
            clock=clock,
            resident=resident_bytes,
            admission=admission,
            members=members,
            took=observer.answered,
        )
        return Session(slot, runner, Predict(slot, runner, counts, clock, results), load)

    return session


def _artifacts(settings: Settings) -> ArtifactCache:
    return ArtifactCache(
        settings.serving_cache_dir,
        max_artifact_bytes=settings.serving_max_artifact_bytes,
        max_bytes=settings.serving_cache_max_bytes,
        ca_file=settings.s3_ca_file,
    )


def _results(settings: Settings, metrics: Metrics) -> Results | None:
    if not settings.serving_result_cache_bytes:
        return None
    looked = metrics.counter("result_cache_total", "Questions that had been answered before, or not.", ("outcome",))
    hit, miss = looked.labels("hit"), looked.labels("miss")
    results = Results(settings.serving_result_cache_bytes, looked=lambda found: (hit if found else miss).inc())
    metrics.gauge("result_cache_bytes", "Of the answers that are kept.").set_function(lambda: results.bytes)
    return results


def _policy(settings: Settings) -> BatchPolicy:
    return BatchPolicy(
        max_rows=settings.serving_max_batch_rows,
        max_delay=settings.serving_max_delay_micros / 1_000_000,
        max_waiting_rows=settings.serving_max_waiting_rows,
        max_waiting_bytes=settings.serving_max_waiting_bytes,
    )
