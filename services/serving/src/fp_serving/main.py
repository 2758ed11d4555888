"""One model version behind a port."""

from forgepoint.serving.v1.serving_pb2_grpc import add_ModelServingServiceServicer_to_server
from fp_kernel import Clock, DeadlineExceeded, Unavailable
from fp_rpc import Channels, HttpJwks, Server, ServiceCredential
from fp_rpc.hosting import JWKS_PATH, Once
from fp_runtime import Runtime
from fp_runtime import main as run
from fp_telemetry import Metrics

from fp_serving.adapters.artifacts import ArtifactCache
from fp_serving.adapters.identity import callers, follow_signing_keys
from fp_serving.adapters.machine import model_threads, resident_bytes
from fp_serving.adapters.onnx import OnnxEngine
from fp_serving.adapters.registry import RegistryClient
from fp_serving.adapters.run_metrics import RunMetrics
from fp_serving.adapters.runner import BatchRunner
from fp_serving.api.grpc import Servicer
from fp_serving.app.load import Load
from fp_serving.app.predict import Predict
from fp_serving.app.request_counts import RequestCounts
from fp_serving.app.slot import Assignment, Slot
from fp_serving.domain.batching import BatchPolicy
from fp_serving.domain.lifecycle import ModelState
from fp_serving.settings import Settings

NOUN = "serving"
_REGISTRY_TIMEOUT = 5.0
_AUTH_TIMEOUT = 5.0


async def serve(runtime: Runtime, settings: Settings) -> None:
    clock = runtime.clock
    slot = Slot(Assignment(settings.serving_team, settings.serving_version_id, settings.serving_model_name), clock)
    counts = RequestCounts()
    runner = _runner(settings, runtime.metrics, clock)
    _measure(runtime.metrics, counts, runner)
    certificates, secret = runtime.certificates, settings.service_secret.get_secret_value()
    credential = ServiceCredential(NOUN, secret, settings.auth_addr, certificates=certificates)
    channels = Channels(credential, metrics=runtime.metrics, certificates=certificates)
    registry = channels.open(settings.registry_addr, peer="registry", timeout=_REGISTRY_TIMEOUT)
    load = Load(
        slot,
        registry=RegistryClient(registry, settings.serving_team),
        artifacts=_artifacts(settings),
        engine=OnnxEngine(settings.serving_threads or model_threads()),
        runner=runner,
        clock=clock,
        resident=resident_bytes,
    )
    jwks = HttpJwks(f"{settings.auth_issuer}{JWKS_PATH}", certificates=certificates)
    identity = callers(settings.auth_issuer, jwks)
    auth = channels.open(settings.auth_addr, peer="auth", timeout=_AUTH_TIMEOUT, passing=(DeadlineExceeded,))
    runtime.keep("signing keys", lambda: follow_signing_keys(auth, identity.withdrawals))
    server = Server(NOUN, resolver=identity, metrics=runtime.metrics, reflection=settings.reflection)
    servicer = Servicer(slot, Predict(slot, runner, counts, clock), counts, link_port=lambda: server.link_port)
    server.add(add_ModelServingServiceServicer_to_server, servicer)
    server.link("Predict", settings.serving_link_port)
    runtime.on_close(credential.close)
    runtime.on_close(identity.withdrawals.close)
    runtime.on_close(channels.close)
    runtime.on_close(runner.close)
    runtime.health.add("identity", Once(jwks.load), hard=True)
    runtime.health.add("model", lambda: _ready(slot), hard=True)
    runtime.task("load", load())
    await runtime.serve(server)


def _artifacts(settings: Settings) -> ArtifactCache:
    return ArtifactCache(
        settings.serving_cache_dir,
        max_artifact_bytes=settings.serving_max_artifact_bytes,
        max_bytes=settings.serving_cache_max_bytes,
        ca_file=settings.s3_ca_file,
    )


def _runner(settings: Settings, metrics: Metrics, clock: Clock) -> BatchRunner:
    policy = BatchPolicy(
        max_rows=settings.serving_max_batch_rows,
        max_delay=settings.serving_max_delay_micros / 1_000_000,
        max_waiting_rows=settings.serving_max_waiting_rows,
        max_waiting_bytes=settings.serving_max_waiting_bytes,
    )
    return BatchRunner(policy, threads=settings.serving_runs, clock=clock, observer=RunMetrics(metrics))


def _measure(metrics: Metrics, counts: RequestCounts, runner: BatchRunner) -> None:
    """What an autoscaler watches."""
    metrics.gauge("in_flight", "Predictions being answered.").set_function(lambda: counts.in_flight)
    metrics.gauge("queue_age_seconds", "Wait of the oldest queued prediction.").set_function(lambda: runner.queue_age)


async def _ready(slot: Slot) -> None:
    if slot.status.state is not ModelState.READY:
        raise Unavailable(f"the model is {slot.status.state}")


def main() -> None:
    run(NOUN, Settings, serve)
