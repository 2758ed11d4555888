"""Inference, put together."""

from functools import partial

import fp_runtime
from fp_events import AuditPublisher
from fp_events.hosting import soft_bus
from fp_events.payloads.revocation import follow_identities
from fp_kernel import RetryBudget, new_id
from fp_redis.hosting import soft_link
from fp_rpc import Channels, Server, ServerPolicy
from fp_rpc.client.channels import ChannelPolicy
from fp_rpc.hosting import peers
from fp_rpc.retries import RetryPolicy
from fp_rpc.signatures import signature_from_pb
from fp_runtime import Runtime

from fp_inference import recording
from fp_inference.adapters.deployments import PipelineDeployments
from fp_inference.adapters.redis_circuits import RedisCircuits
from fp_inference.adapters.redis_replays import RedisReplays
from fp_inference.adapters.redis_routes import RedisRoutes
from fp_inference.adapters.runtimes import ServingRuntimes
from fp_inference.api.consumers import DeploymentEvents, MarkEvents, QuotaEvents
from fp_inference.api.grpc import Servicer
from fp_inference.api.oip import add_to
from fp_inference.api.route_changes import RouteChanges
from fp_inference.app.breakers import Breakers
from fp_inference.app.bulkhead import Bulkheads
from fp_inference.app.change_route import ChangeRoute
from fp_inference.app.circuits import Circuits
from fp_inference.app.describe_model import DescribeModel
from fp_inference.app.follow_deployments import FollowDeployments
from fp_inference.app.forget_routes import ForgetRoutes
from fp_inference.app.forward import Forward
from fp_inference.app.fresh_routes import FreshRoutes
from fp_inference.app.limits import parse_limits
from fp_inference.app.predict import Predict
from fp_inference.app.predict_many import PredictMany
from fp_inference.app.replays import Replays
from fp_inference.app.route_report import Arms, ReportRoute
from fp_inference.app.route_table import RouteTable
from fp_inference.app.watch_targets import WatchTargets
from fp_inference.arm_metrics import ArmMetrics
from fp_inference.limiting import admission
from fp_inference.mirroring import mirrored
from fp_inference.settings import Settings

NOUN = "inference"
_PEER_TIMEOUT = 5.0
_HOUR = 3_600.0
# Forward decides what is tried again, with its breakers in view.
_ONE_ATTEMPT = ChannelPolicy(retry=RetryPolicy(attempts=1))


async def serve(runtime: Runtime, settings: Settings) -> None:
    clock, metrics = runtime.clock, runtime.metrics
    bus = await soft_bus(runtime, settings)
    url = settings.redis_url.get_secret_value()
    link = await soft_link(runtime, url, clock, store="redis", seconds=settings.redis_timeout)
    spool = await recording.open_spool(runtime, settings)

    others = peers(runtime, settings)
    channels = others.channels
    to_runtimes = Channels(others.credential, _ONE_ATTEMPT, metrics=metrics, certificates=runtime.certificates)
    pipeline = channels.open(settings.pipeline_addr, peer="pipeline", timeout=_PEER_TIMEOUT)
    runtime.on_close(to_runtimes.close)

    table, routes = RouteTable(), RedisRoutes(link)
    listed = PipelineDeployments(pipeline, signature_from_pb)
    follow = FollowDeployments(table, routes, listed)
    fresh = FreshRoutes(table, follow, listed, clock)
    runtime.on_close(fresh.close)
    replays = Replays(RedisReplays(link), clock)
    # What the process before answered and nobody stored yet comes back beside the calls: it may be much.
    runtime.task("replays", replays.recover(record.replay for record in spool.unpublished()))
    recorder, tailer = recording.publisher(
        spool, bus, replays, runtime, settings, models=recording.logged_models(runtime, settings, channels)
    )
    runtimes = ServingRuntimes(to_runtimes, clock, metrics)
    breakers, of_models = Breakers(settings.breaker, clock), Bulkheads(settings.bulkhead_of_models)
    metrics.gauge("in_flight", "Predictions at runtimes.").set_function(lambda: of_models.in_flight)
    forward = Forward(
        runtimes=runtimes,
        breakers=breakers,
        bulkheads=(of_models, Bulkheads(settings.bulkhead_of_targets)),
        budget=RetryBudget(),
        clock=clock,
        policy=settings.forward,
    )
    circuits = Circuits(table, breakers, RedisCircuits(link, new_id()), runtimes, clock)
    address = settings.billing_addr
    billing = channels.open(address, peer="billing", timeout=_PEER_TIMEOUT) if address else None
    admitted, quotas = admission(runtime, link, billing)
    mirror, tallies = mirrored(runtime, link, runtimes, settings)
    predict = Predict(
        admission=admitted,
        replays=replays,
        table=table,
        fresh=fresh,
        forward=forward,
        recorder=recorder,
        arms=Arms(tallies, ArmMetrics(metrics)),
        mirror=mirror,
        clock=clock,
    )
    servicer = Servicer(
        predict=predict,
        predict_many=PredictMany(predict, admitted, replays, clock),
        admission=admitted,
        changes=RouteChanges(
            ChangeRoute(table=table, fresh=fresh, store=routes, runtimes=runtimes, clock=clock), replays
        ),
        report=ReportRoute(table, fresh, tallies),
        circuits=circuits,
        describe=DescribeModel(table, fresh, runtimes),
        table=table,
        fresh=fresh,
        limits=parse_limits(settings.rate_limits),
        clock=clock,
    )
    audit, policy = AuditPublisher(bus), ServerPolicy.of(settings)
    server = Server(
        NOUN, resolver=others.identity, metrics=metrics, audit=audit, policy=policy, reflection=settings.reflection
    )
    add_to(server, servicer)

    await follow.start()
    deployments, marks, exceeded = DeploymentEvents(follow), MarkEvents(follow), QuotaEvents(quotas)
    runtime.on_close(tailer.flush)
    runtime.keep("spool", lambda: recording.feed(bus, tailer))
    runtime.every(settings.count_seconds, "counts", partial(recording.count, spool))
    runtime.keep("routes", lambda: deployments.run(bus, table.settle))
    runtime.keep("marks", lambda: marks.run(bus))
    runtime.keep("quotas", lambda: exceeded.run(bus))
    runtime.keep("identities", lambda: follow_identities(bus, NOUN, others.ended))
    runtime.keep("splits", lambda: routes.watch(fresh.recall, fresh.split))
    runtime.keep("policies", lambda: routes.watch_policies(fresh.recall, fresh.policy))
    runtime.keep("versions of splits", fresh.complete_always)
    runtime.keep("circuits", circuits.publish_always)
    runtime.every(_HOUR, "old routes", ForgetRoutes(table, routes, clock, retention=settings.keep_routes))
    runtime.keep("reconcile", lambda: follow.reconcile_always(settings.reconcile_seconds))
    runtime.task("targets", WatchTargets(table, breakers, runtimes, clock).run())
    await runtime.serve(server)


def main() -> None:
    fp_runtime.main(NOUN, Settings, serve)
