"""Builds the gateway: the gRPC proxy, the HTTP routes, and what both need."""

from forgepoint.platform.v1.platform_pb2_grpc import add_PlatformServiceServicer_to_server
from fp_events import AuditPublisher
from fp_events.hosting import soft_bus
from fp_events.payloads.revocation import follow_identities
from fp_events.streams import AUDIT
from fp_rpc import Channels, ForwardedToken, Server, ServerPolicy, ServiceCredential
from fp_rpc.audit.denials import DenialPolicy
from fp_rpc.audit.queue import AuditQueue
from fp_rpc.call_metrics import CallMetrics
from fp_rpc.conversions import Conversions
from fp_rpc.hosting import Peers, edge_proof, peers
from fp_rpc.identity.caller import ADDRESS_AUDIENCE
from fp_rpc.server.principal_limits import PrincipalLimits
from fp_runtime import Runtime
from fp_runtime import main as run_main

from fp_gateway.admission import Admission
from fp_gateway.backends import Backends
from fp_gateway.callers import Callers
from fp_gateway.client_address import ClientAddressHeaders
from fp_gateway.false_credentials import FalseCredentials
from fp_gateway.growth import Growths
from fp_gateway.http.app import HttpPolicy, application
from fp_gateway.http.door import Door
from fp_gateway.http.front import Front
from fp_gateway.http.rpc_client import RpcClient
from fp_gateway.http.shares import Shares
from fp_gateway.methods import all_methods
from fp_gateway.passage import Passages
from fp_gateway.platform_status import PlatformServicer, Standings
from fp_gateway.proxy import Proxy, ProxyPolicy
from fp_gateway.server import ProxyServer
from fp_gateway.settings import GatewaySettings
from fp_gateway.trail import PASSING, PredictionTrails
from fp_gateway.trusted_proxies import TrustedProxies
from fp_gateway.unimplemented import add_unimplemented

# Records of refusals that may wait for the bus, and seconds that a stop waits for it.
_REFUSALS = 10_000
_FLUSH = 2.0


async def serve(runtime: Runtime, settings: GatewaySettings) -> None:
    bus = await soft_bus(runtime, settings)
    others = peers(runtime, settings)
    counted = None if edge_proof(settings) else FalseCredentials()
    callers = Callers(others.identity, _refusals(runtime, AuditPublisher(bus)), counted)
    status = _status(runtime, settings, others, lambda noun: backends.standing(noun))  # noqa: PLW0108 -- it comes below
    port = await _own_rpcs(runtime, others, AuditPublisher(bus), status)
    backends = Backends(settings.addresses(), f"127.0.0.1:{port}", runtime.certificates)
    runtime.on_close(backends.close)
    methods = all_methods()
    addresses = _addresses(runtime, settings)
    policy = ProxyPolicy(default_deadline=settings.default_deadline, longest_deadline=settings.longest_deadline)
    calls = CallMetrics.of(runtime.metrics)
    passages = Passages(callers, Admission(runtime.metrics), addresses, calls, settings.gateway_access_log)
    proxy = Proxy(methods, backends, passages, policy)
    conversions = Conversions()
    runtime.on_close(conversions.close)
    runtime.keep("streams", lambda: bus.ensure((AUDIT,), ()))
    runtime.keep("identities", lambda: follow_identities(bus, "gateway", others.ended))
    shares = Shares(PrincipalLimits(ServerPolicy.of(settings).principals, runtime.metrics))
    app = application(
        RpcClient(methods, backends, addresses, settings.default_deadline),
        Door(callers, addresses, shares),
        conversions,
        lambda: backends.serving("inference"),
        HttpPolicy(
            secure_cookies=settings.env == "prod",
            issuer=settings.auth_issuer,
            public_url=settings.auth_public_url or "",
            cors_origins=settings.gateway_cors_origins,
        ),
    )
    front = Front(app, runtime.metrics, shares, access_log=settings.gateway_access_log)
    runtime.listen("FP_GATEWAY_HTTP_PORT", front, settings.gateway_http_port)
    reflected = sorted({path.split("/")[1] for path in methods}) if settings.reflection else ()
    await runtime.serve(ProxyServer(proxy, reflected))


async def _own_rpcs(runtime: Runtime, others: Peers, audit: AuditPublisher, status: PlatformServicer) -> int:
    """The port of RPCs of the platform itself, and of those that are not built or that nobody outside may call: they
    are verified and audited here.
    """
    server = Server("gateway", resolver=others.identity, metrics=runtime.metrics, audit=audit)
    server.add(add_PlatformServiceServicer_to_server, status)
    add_unimplemented(server)
    port = await server.start("127.0.0.1:0")
    runtime.on_close(lambda: server.stop(0))
    return port


def _status(runtime: Runtime, settings: GatewaySettings, others: Peers, standing: Standings) -> PlatformServicer:
    addresses = settings.addresses()
    growths = Growths(others.channels, addresses)
    return PlatformServicer(standing, growths.of, addresses, runtime.clock, _trails(runtime, settings))


def _trails(runtime: Runtime, settings: GatewaySettings) -> PredictionTrails:
    """What it reads it reads as who asked for it."""
    channels = Channels(ForwardedToken(), certificates=runtime.certificates)
    runtime.on_close(channels.close)
    opened = {
        noun: channels.open(address, peer=noun, timeout=settings.default_deadline, passing=PASSING)
        for noun, address in settings.addresses().items()
    }
    return PredictionTrails(opened)


def _refusals(runtime: Runtime, audit: AuditPublisher) -> AuditQueue:
    """Records of calls that go no further, because nobody stands behind them."""
    refusals = AuditQueue(audit, runtime.metrics, capacity=_REFUSALS, denials=DenialPolicy())
    refusals.start()
    runtime.on_close(lambda: refusals.close(_FLUSH))
    return refusals


def _addresses(runtime: Runtime, settings: GatewaySettings) -> ClientAddressHeaders:
    proof = ServiceCredential(
        "gateway",
        settings.service_secret.get_secret_value(),
        settings.auth_addr,
        audience=ADDRESS_AUDIENCE,
        certificates=runtime.certificates,
    )
    runtime.on_close(proof.close)
    addresses = ClientAddressHeaders(proof, TrustedProxies(settings.gateway_trusted_proxies), edge_proof(settings))
    # The name of the task is a label of its metric of restarts.
    runtime.keep("origin", addresses.run)
    return addresses


def main() -> None:
    run_main("gateway", GatewaySettings, serve)
