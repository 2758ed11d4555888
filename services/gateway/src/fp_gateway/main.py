"""Builds the gateway: the gRPC proxy, the HTTP routes, and what both need."""

from fp_events import AuditPublisher
from fp_events.hosting import soft_bus
from fp_events.payloads.revocation import follow_identities
from fp_events.streams import AUDIT
from fp_rpc import Server, ServiceCredential
from fp_rpc.hosting import peers
from fp_rpc.identity.caller import ADDRESS_AUDIENCE
from fp_runtime import Runtime
from fp_runtime import main as run_main

from fp_gateway.backends import Backends
from fp_gateway.client_address import ClientAddressHeaders
from fp_gateway.http.app import application
from fp_gateway.http.rpc_client import RpcClient
from fp_gateway.methods import all_methods
from fp_gateway.proxy import Proxy, ProxyPolicy
from fp_gateway.server import ProxyServer
from fp_gateway.settings import GatewaySettings
from fp_gateway.trusted_proxies import TrustedProxies
from fp_gateway.unimplemented import add_unimplemented


async def serve(runtime: Runtime, settings: GatewaySettings) -> None:
    bus = await soft_bus(runtime, settings.nats_url.get_secret_value())
    others = peers(runtime, settings)

    # RPCs that are not built, or that nobody outside may call, are verified and audited here: no service does it.
    unimplemented = Server("gateway", resolver=others.identity, metrics=runtime.metrics, audit=AuditPublisher(bus))
    add_unimplemented(unimplemented)
    port = await unimplemented.start("127.0.0.1:0")
    runtime.on_close(lambda: unimplemented.stop(0))

    backends = Backends(settings.addresses(), f"127.0.0.1:{port}", runtime.certificates)
    runtime.on_close(backends.close)
    methods = all_methods()
    proof = ServiceCredential(
        "gateway",
        settings.service_secret.get_secret_value(),
        settings.auth_addr,
        audience=ADDRESS_AUDIENCE,
        certificates=runtime.certificates,
    )
    runtime.on_close(proof.close)
    addresses = ClientAddressHeaders(proof, TrustedProxies(settings.gateway_trusted_proxies))
    policy = ProxyPolicy(default_deadline=settings.default_deadline, longest_deadline=settings.longest_deadline)
    proxy = Proxy(methods, backends, addresses, policy)
    rpc = RpcClient(methods, backends, addresses, settings.default_deadline)
    # The name of the task is a label of its metric of restarts.
    runtime.keep("origin", addresses.run)
    runtime.keep("streams", lambda: bus.ensure((AUDIT,), ()))
    runtime.keep("identities", lambda: follow_identities(bus, "gateway", others.ended))
    app = application(
        rpc,
        lambda: backends.serving("inference"),
        secure_cookies=settings.env == "prod",
        issuer=settings.auth_issuer,
        public_url=settings.auth_public_url or "",
    )
    runtime.listen("FP_GATEWAY_HTTP_PORT", app, settings.gateway_http_port)
    reflected = sorted({path.split("/")[1] for path in methods}) if settings.reflection else ()
    await runtime.serve(ProxyServer(proxy, reflected))


def main() -> None:
    run_main("gateway", GatewaySettings, serve)
