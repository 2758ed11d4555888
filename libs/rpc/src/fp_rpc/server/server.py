"""The gRPC server of a service."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, Self

import grpc
from forgepoint.platform.v1.growth_pb2_grpc import add_GrowthServiceServicer_to_server
from fp_telemetry import Metrics
from google.protobuf import descriptor_pool
from google.protobuf.message import Message
from grpc_reflection.v1alpha import reflection
from grpc_reflection.v1alpha._async import ReflectionServicer
from grpc_reflection.v1alpha.reflection_pb2_grpc import add_ServerReflectionServicer_to_server

from fp_rpc.access import access_rules
from fp_rpc.audit.client_address import ClientAddresses
from fp_rpc.audit.denials import DenialPolicy
from fp_rpc.audit.queue import AuditQueue
from fp_rpc.audit.records import AuditSink, LogAudit
from fp_rpc.call_metrics import CallMetrics
from fp_rpc.http2.listener import Http2Policy, Http2Server
from fp_rpc.identity.caller import CredentialResolver, IdentityResolver
from fp_rpc.link.listener import LinkPolicy, Listener
from fp_rpc.server.call_end import CallEnd
from fp_rpc.server.growth import Growth
from fp_rpc.server.health import NAME, Health
from fp_rpc.server.http_method import HttpCalls, Read, http_method
from fp_rpc.server.interceptor import Interceptor
from fp_rpc.server.method import Method, handler_of, method_of
from fp_rpc.server.principal_limits import PrincipalLimit, PrincipalLimits
from fp_rpc.server.request_bodies import RequestBodies
from fp_rpc.tls.certificates import Certificates
from fp_rpc.tls.http import ServerContexts

MIB: Final = 1024 * 1024
# gRPC's own limit is twice ours: a message between the two is refused by an error with sizes, a larger one by gRPC.
_CORE_LIMIT: Final = 2
# The same for calls. gRPC's refusal has no details, so that ours must come first, also with a small limit.
_CORE_CALLS: Final = 2
_FIRST_CALLS: Final = 100
_STREAM_SHARE: Final = 0.5
_METADATA_BYTES: Final = 12 * 1024


class Settings(Protocol):
    """See `PrincipalLimit`."""

    @property
    def principal_rate(self) -> float: ...
    @property
    def principal_crowd(self) -> int: ...
    @property
    def principal_calls(self) -> int: ...


@dataclass(frozen=True, slots=True)
class ServerPolicy:
    """default_deadline: seconds for a call with one response whose caller set no deadline.
    max_message_bytes: a bigger message is refused with RESOURCE_EXHAUSTED, reason MESSAGE_TOO_LARGE.
    max_concurrent_rpcs: a call beyond is refused with RESOURCE_EXHAUSTED and a retry delay. gRPC counts as well,
    and refuses what is far beyond before our code runs.
    max_bytes_in_flight: bytes of the bodies that calls hold at once; a call beyond is refused in the same way.
    shortest_ping: seconds between two pings of a client; one that pings more often is sent away.
    principals: what one proven caller may have of the service.
    audit_capacity: records that may wait for the audit sink. audit_flush: seconds that a stop waits for the sink.
    """

    default_deadline: float = 30.0
    max_message_bytes: int = 16 * MIB + 64 * 1024
    max_concurrent_rpcs: int = 2_000
    max_bytes_in_flight: int = 512 * MIB
    shortest_ping: float = 10.0
    audit_capacity: int = 10_000
    audit_flush: float = 2.0
    denials: DenialPolicy = field(default_factory=DenialPolicy)
    principals: PrincipalLimit = field(default_factory=PrincipalLimit)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """What operators may set of it."""
        return cls(
            principals=PrincipalLimit(settings.principal_rate, settings.principal_crowd, settings.principal_calls)
        )


class Server:
    """noun: name of the service in metrics and logs. audit: default writes log lines."""

    _http: HttpCalls | None = None

    def __init__(
        self,
        noun: str,
        *,
        resolver: IdentityResolver,
        metrics: Metrics,
        policy: ServerPolicy | None = None,
        audit: AuditSink | None = None,
        reflection: bool = False,
    ) -> None:
        self.noun = noun
        self._policy = policy = policy or ServerPolicy()
        self._reflection = reflection
        self._audit = AuditQueue(audit or LogAudit(), metrics, capacity=policy.audit_capacity, denials=policy.denials)
        addresses = ClientAddresses(resolver)
        self._interceptor = Interceptor(
            resolver,
            CallEnd(CallMetrics.of(metrics), self._audit, addresses),
            metrics,
            default_deadline=policy.default_deadline,
            max_concurrent=policy.max_concurrent_rpcs,
            bodies=RequestBodies(policy.max_bytes_in_flight),
            limits=PrincipalLimits(policy.principals, metrics),
            addresses=addresses,
        )
        if isinstance(resolver, CredentialResolver):
            withdrawals = resolver.withdrawals
            withdrawals.subscribe(lambda: self._interceptor.end_withdrawn(withdrawals))
        self._listener = Listener(
            resolver,
            CallMetrics.of(metrics),
            self._audit,
            LinkPolicy(policy.max_concurrent_rpcs, policy.max_bytes_in_flight),
        )
        self._link_port: int | None = None
        self._health = Health(noun)
        self._services: dict[str, grpc.GenericRpcHandler] = {}
        self._methods: dict[str, Method] = {}
        self._server: Http2Server | None = None
        self.add(add_GrowthServiceServicer_to_server, Growth(metrics))

    def add(self, add_servicer_to_server: Callable[[Any, Any], None], servicer: object) -> None:
        """Serve the methods of a generated service.

        A method that the servicer does not override answers UNIMPLEMENTED, to those who may call it.
        Raises ValueError for a method without an Access option, TypeError for one that is not async.
        """
        add_servicer_to_server(servicer, _Registrar(self._add_handlers))

    def link(self, method: str, port: int) -> None:
        """Take the calls of this method, which was added, over a link as well (`fp_rpc.link`).

        method: its name, of one request and one answer. port: 0 for a free one; see `link_port`.
        Raises LookupError when no added service has it.
        """
        found = self._added(method)
        self._listener.methods[found.path] = found
        self._link_port = port

    def http(self, templates: Iterable[str], method: str, response: type[Message], read: Read) -> None:
        """Take the calls of this method, as `link` does, as plain HTTP of the verb POST as well.

        templates: of its paths, such as `/v2/models/{model}/infer`. response: of the method. read: makes its request
        of a document, and a document of its answer.
        """
        if self._http is None:
            self._http = HttpCalls(self._policy.max_message_bytes // MIB * MIB, self._policy.default_deadline)
        found = http_method(self._added(method), response.FromString, read, self._http.conversions)
        self._http.add(templates, self._interceptor.wrap(found))

    @property
    def link_port(self) -> int:
        """Where links connect to; 0 before `start` and without a link."""
        return self._listener.port

    async def start(self, address: str, certificates: Certificates | None = None) -> int:
        """Listen on host:port; answers the port. Health says NOT_SERVING until `set_serving(True)`.

        certificates: with them only who has one connects, and each call must be of him whose certificate it is.
        Raises OSError when the address cannot be had.
        """
        server = Http2Server(self._transport())
        server.add_generic_rpc_handlers((*self._services.values(), self._health.handlers()))
        if self._http is not None:
            server.paths = self._http.paths
        if self._reflection:
            add_ServerReflectionServicer_to_server(
                ReflectionServicer((*self._services, NAME, reflection.SERVICE_NAME)), server
            )
        contexts = ServerContexts(certificates, clients=True, protocol="h2") if certificates is not None else None
        host, _, asked = address.rpartition(":")
        host = host.strip("[]")
        self._interceptor.certified = certificates is not None
        try:
            port = await server.start(host, int(asked), contexts.context if contexts is not None else None)
        except OSError:
            raise OSError(f"cannot listen on {address}") from None
        if self._link_port is not None:
            await self._listener.start(host, self._link_port, certificates)
        self._audit.start()
        self._server = server
        return port

    def set_serving(self, serving: bool) -> None:  # noqa: FBT001 -- a state, named by the method
        """What health v1 says of this server and its services."""
        self._health.set(serving=serving)

    async def stop(self, grace: float) -> None:
        """Refuse new calls and let running ones end, for at most `grace` seconds; then flush the audit.

        Open streams get half of the grace and then end with UNAVAILABLE, reason DRAINING; single calls get all of it.
        Safe to call twice and before `start`.
        """
        server, self._server = self._server, None
        if server is None:
            return
        self._health.close()
        timer = asyncio.get_running_loop().call_later(grace * _STREAM_SHARE, self._interceptor.end_streams)
        async with asyncio.TaskGroup() as group:
            group.create_task(server.stop(grace))
            group.create_task(self._listener.stop(grace))
        timer.cancel()
        if self._http is not None:
            await self._http.conversions.close()
        await self._audit.close(self._policy.audit_flush)

    def _added(self, method: str) -> Method:
        found = next((each for path, each in self._methods.items() if path.endswith(f"/{method}")), None)
        if found is None:
            raise LookupError(f"no added service has the method {method}")
        return found

    def _add_handlers(self, name: str, handlers: Mapping[str, Any]) -> None:
        service = descriptor_pool.Default().FindServiceByName(name)  # type: ignore[no-untyped-call]
        rules = access_rules(service)
        wrapped = {}
        for method in service.methods:
            if method.name in handlers:
                facts = method_of(
                    f"/{name}/{method.name}",
                    rules[method.name],
                    handlers[method.name],
                    method.input_type,
                    self._policy.max_message_bytes,
                )
                self._methods[facts.path] = facts
                wrapped[method.name] = handler_of(facts, self._interceptor.wrap(facts))
        self._services[name] = grpc.method_handlers_generic_handler(name, wrapped)
        self._health.add(name)

    def _transport(self) -> Http2Policy:
        calls = _CORE_CALLS * self._policy.max_concurrent_rpcs + _FIRST_CALLS
        return Http2Policy(
            calls=calls,
            streams=calls,
            # The 8 KiB of a caller, which is gRPC's default, and what the gateway adds.
            header_bytes=_METADATA_BYTES,
            shortest_ping=self._policy.shortest_ping,
            largest_message=_CORE_LIMIT * self._policy.max_message_bytes,
        )


def add_port(server: grpc.aio.Server, address: str, certificates: Certificates | None, *, clients: bool) -> int:
    """The port. clients: whether only who has a certificate may connect. Raises RuntimeError, as gRPC does."""
    if certificates is None:
        return server.add_insecure_port(address)
    return server.add_secure_port(address, certificates.server_credentials(clients=clients))


class _Registrar:
    """Takes the place of a grpc server, to get the handlers from generated code."""

    def __init__(self, add: Callable[[str, Mapping[str, Any]], None]) -> None:
        self._add = add

    def add_generic_rpc_handlers(self, handlers: Iterable[Any]) -> None:
        """Ignored: the same handlers come by name, below."""

    def add_registered_method_handlers(self, name: str, handlers: Mapping[str, Any]) -> None:
        self._add(name, handlers)
