"""Model versions behind a port: one, or those of a team that share the process."""

from forgepoint.serving.v1.serving_pb2_grpc import add_ModelServingServiceServicer_to_server
from fp_kernel import DeadlineExceeded, Unavailable
from fp_rpc import Channels, HttpJwks, Server, ServiceCredential
from fp_rpc.hosting import JWKS_PATH, Once
from fp_runtime import Runtime
from fp_runtime import main as run
from fp_telemetry import Metrics

from fp_serving.adapters.attempts import LoadAttempts
from fp_serving.adapters.identity import callers, follow_signing_keys
from fp_serving.adapters.load_metrics import LoadMetrics
from fp_serving.adapters.machine import give_memory_back
from fp_serving.adapters.registry import RegistryClient
from fp_serving.adapters.run_notes import RunNotes
from fp_serving.api.grpc import Servicer
from fp_serving.app.request_counts import RequestCounts
from fp_serving.app.residents import ResidentPolicy, Residents
from fp_serving.app.slot import Assignment
from fp_serving.domain.lifecycle import ModelState
from fp_serving.sessions import sessions
from fp_serving.settings import Settings

NOUN = "serving"
_REGISTRY_TIMEOUT = 5.0
_AUTH_TIMEOUT = 5.0


async def serve(runtime: Runtime, settings: Settings) -> None:
    counts = RequestCounts()
    certificates, secret = runtime.certificates, settings.service_secret.get_secret_value()
    credential = ServiceCredential(NOUN, secret, settings.auth_addr, certificates=certificates)
    channels = Channels(credential, metrics=runtime.metrics, certificates=certificates)
    registry = RegistryClient(
        channels.open(settings.registry_addr, peer="registry", timeout=_REGISTRY_TIMEOUT), settings.serving_team
    )
    residents = _residents(runtime, settings, registry, counts)
    _measure(runtime.metrics, counts, residents)
    jwks = HttpJwks(f"{settings.auth_issuer}{JWKS_PATH}", certificates=certificates)
    identity = callers(settings.auth_issuer, jwks)
    auth = channels.open(settings.auth_addr, peer="auth", timeout=_AUTH_TIMEOUT, passing=(DeadlineExceeded,))
    runtime.keep("signing keys", lambda: follow_signing_keys(auth, identity.withdrawals))
    server = Server(NOUN, resolver=identity, metrics=runtime.metrics, reflection=settings.reflection)
    servicer = Servicer(residents, counts, runtime.clock, link_port=lambda: server.link_port)
    server.add(add_ModelServingServiceServicer_to_server, servicer)
    server.link("Predict", settings.serving_link_port)
    runtime.on_close(credential.close)
    runtime.on_close(identity.withdrawals.close)
    runtime.on_close(channels.close)
    runtime.on_close(residents.close)
    runtime.health.add("identity", Once(jwks.load), hard=True)
    if not settings.shared:
        runtime.health.add("model", lambda: _ready(residents, settings.serving_version_id), hard=True)
    runtime.task("models", residents.run(_first(settings)))
    await runtime.serve(server)


def _residents(runtime: Runtime, settings: Settings, registry: RegistryClient, counts: RequestCounts) -> Residents:
    shared, metrics, clock = settings.shared, runtime.metrics, runtime.clock
    attempts = LoadAttempts(settings.serving_cache_dir / "loading", clock) if shared else None
    notes = RunNotes(settings.serving_cache_dir / "running") if shared else None
    if attempts is not None and notes is not None:
        crashed = metrics.counter("crashed_runs_total", "Runs that a process before this one has not survived.")
        for version_id in notes.left:
            attempts.crashed(version_id)
            crashed.inc()
        runtime.on_close(notes.close)
    return Residents(
        team=settings.serving_team,
        sessions=sessions(settings, registry, counts, metrics, clock, notes=notes),
        policy=ResidentPolicy(settings.serving_models_bytes, wait=settings.serving_load_wait_seconds),
        clock=clock,
        names=registry if shared else None,
        attempts=attempts,
        observer=LoadMetrics(metrics),
        after_unload=give_memory_back,
    )


def _first(settings: Settings) -> Assignment | None:
    if settings.shared:
        return None
    return Assignment(settings.serving_team, settings.serving_version_id, settings.serving_model_name)


def _measure(metrics: Metrics, counts: RequestCounts, residents: Residents) -> None:
    """What an autoscaler watches."""
    metrics.gauge("in_flight", "Predictions being answered.").set_function(lambda: counts.in_flight)
    metrics.gauge("queue_age_seconds", "Wait of the oldest queued prediction.").set_function(
        lambda: max((each.queue_age for each in residents.runners), default=0.0)
    )
    metrics.gauge("loaded_models", "Model versions in memory.").set_function(
        lambda: sum(each.status.state is ModelState.READY for each in residents.all)
    )
    metrics.gauge("loaded_model_bytes", "What they added to the process.").set_function(lambda: residents.memory_bytes)


async def _ready(residents: Residents, version_id: str) -> None:
    found = [each.status.state for each in residents.all if each.assignment.version_id == version_id]
    state = found[0] if found else ModelState.DOWNLOADING
    if state is not ModelState.READY:
        raise Unavailable(f"the model is {state}")


def main() -> None:
    run(NOUN, Settings, serve)
