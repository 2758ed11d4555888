"""One connection of a listener: who is at its other end, and his calls."""

import asyncio
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, cast

from forgepoint.link.v1 import link_pb2 as pb
from fp_kernel import Error, FailedPrecondition, Internal, NotFound, Principal, Unauthenticated
from fp_kernel.audit import DENIED, AuditRecord
from fp_telemetry import begin, end, get_logger
from fp_telemetry.traces import TRACEPARENT
from opentelemetry.trace import SpanKind

from fp_rpc.errors import INTERNAL_MESSAGE, to_status
from fp_rpc.identity.caller import of_bearer
from fp_rpc.link.framing import LARGEST, OLDEST, VERSION, BadFrame, FrameReader, pack
from fp_rpc.link.outbox import Outbox
from fp_rpc.server.call_end import record_of
from fp_rpc.server.incoming_call import Call, enter
from fp_rpc.server.method import Method
from fp_rpc.tls.names import check_principal, noun_of

if TYPE_CHECKING:
    from fp_rpc.link.listener import Listener

_log = get_logger("fp_rpc.link")
# What a stranger may send, and how long he may take: a HELLO with a token.
_GREETING_BYTES: Final = 32 * 1024
_GREETING_SECONDS: Final = 5.0
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class Connection(asyncio.Protocol):
    def __init__(self, listener: "Listener") -> None:
        self._listener = listener
        self._reader = FrameReader(_GREETING_BYTES)
        self._transport: asyncio.Transport | None = None
        self._outbox: Outbox | None = None
        self._method: Method | None = None
        self._credential = ""
        self._peer = ""
        self._noun = ""
        self._greeting: asyncio.TimerHandle | None = None
        self._hello: asyncio.Task[None] | None = None
        self._calls: dict[int, asyncio.Task[None]] = {}

    @property
    def running(self) -> list["asyncio.Task[None]"]:
        return list(self._calls.values())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._outbox = Outbox(self._transport, asyncio.get_running_loop())
        if not self._listener.accept(self):
            self.close()
            return
        host, port = (transport.get_extra_info("peername") or ("", 0))[:2]
        self._peer = f"{host}:{port}"
        self._noun = _certified(transport)
        self._greeting = asyncio.get_running_loop().call_later(_GREETING_SECONDS, self.close)

    def connection_lost(self, _: Exception | None) -> None:
        self._transport = self._outbox = None
        self._listener.connections.discard(self)
        self._greeted()
        for task in self._calls.values():
            task.cancel()
        if self._hello is not None:
            self._hello.cancel()

    def pause_writing(self) -> None:
        # Whoever does not read his answers is asked no more until he does.
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        if self._transport is not None:
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        try:
            for frame in self._reader.feed(data):
                self._take(frame)
        except BadFrame as error:
            _log.warning("a link sent what cannot be read", cause=str(error))
            self.close()

    def close(self) -> None:
        if self._transport is not None and self._outbox is not None:
            self._outbox.flush()
            self._transport.close()

    def retire(self) -> None:
        self._send(pb.Frame(kind=pb.FRAME_KIND_GOING_AWAY))

    def _take(self, frame: pb.Frame) -> None:
        kind = frame.kind
        if kind == pb.FRAME_KIND_ASK and self._method is not None:
            if frame.call in self._calls:
                raise BadFrame("two calls of one number")
            self._calls[frame.call] = asyncio.create_task(self._answer(frame, self._method))
        elif kind == pb.FRAME_KIND_CANCEL:
            task = self._calls.get(frame.call)
            if task is not None:
                task.cancel()
        elif kind == pb.FRAME_KIND_PING:
            self._send(pb.Frame(kind=pb.FRAME_KIND_PONG))
        elif kind == pb.FRAME_KIND_HELLO and self._method is not None:
            # Each call asks what it is worth.
            self._credential = frame.credential
        elif kind == pb.FRAME_KIND_HELLO and self._hello is None:
            self._hello = asyncio.create_task(self._greet(frame))
        elif self._method is None:
            raise BadFrame("a frame before HELLO was answered")

    async def _greet(self, frame: pb.Frame) -> None:
        """Decides whether there is a connection."""
        method = self._listener.methods.get(frame.method)
        try:
            if method is None:
                raise NotFound("this link has no such method")
            if frame.oldest_version > VERSION or frame.version < OLDEST:
                raise FailedPrecondition(f"this link speaks {OLDEST} to {VERSION}", reason="LINK_VERSION")
            try:
                principal = await self._listener.resolver.resolve(frame.credential)
            except Unauthenticated as refused:
                raise of_bearer(refused) from None
            self._judge(principal, method)
        except Error as error:
            if error.kind.value in DENIED:
                self._listener.audit.add(AuditRecord(method=frame.method, status=error.kind.value, peer=self._peer))
            self._refuse(0, error)
            self.close()
            return
        self._credential = frame.credential
        self._method = method
        self._reader.limit = LARGEST
        self._greeted()
        self._send(pb.Frame(kind=pb.FRAME_KIND_WELCOME, version=min(frame.version, VERSION)))

    def _greeted(self) -> None:
        if self._greeting is not None:
            self._greeting.cancel()
            self._greeting = None

    async def _answer(self, frame: pb.Frame, method: Method) -> None:
        started = time.monotonic()
        call = _call(frame, method, started, self._peer)
        enter(call)
        span = begin(method.label, kind=SpanKind.SERVER, attributes=method.attributes, carrier=call.metadata)
        code, failure, request = "OK", None, None
        size, admitted = len(frame.body), False
        try:
            self._listener.admit(size)
            admitted = True
            await self._identify(call, frame, method)
            request = method.parse(frame.body)
            answer = method.serialize(await method.behaviour(request, None))
            self._send(pb.Frame(kind=pb.FRAME_KIND_ANSWER, call=frame.call, body=answer))
        except asyncio.CancelledError:
            code = "CANCELLED"
        except Exception as error:  # noqa: BLE001 -- every way out is answered and counted
            known, failure = _known(error, method), error
            code = known.kind.value
            self._refuse(frame.call, known)
        finally:
            call.ended = True
            if admitted:
                self._listener.leave(size)
            self._calls.pop(frame.call, None)
            self._listener.metrics.observe(method.label, code, time.monotonic() - started)
            if span is not None:
                end(span, failed="" if code == "OK" else code, cause=failure)
            if code in DENIED:
                self._listener.audit.add(record_of(call, code, method.resource_of(request)))

    async def _identify(self, call: Call, frame: pb.Frame, method: Method) -> None:
        """With each call, because a credential ends: its key is withdrawn, or its time is over."""
        try:
            principal = await self._listener.resolver.resolve(self._credential)
        except Unauthenticated as refused:
            raise of_bearer(refused) from None
        call.principal = principal.on_behalf_of(frame.team, frame.user) if frame.team else principal
        self._judge(call.principal, method)

    def _judge(self, principal: Principal, method: Method) -> None:
        """Raises PermissionDenied."""
        if self._listener.certified:
            check_principal(principal, self._noun)
        method.rule.permit(principal)

    def _refuse(self, call: int, error: Error) -> None:
        _, _, status = to_status(error)
        self._send(pb.Frame(kind=pb.FRAME_KIND_REFUSAL, call=call, body=status))

    def _send(self, frame: pb.Frame) -> None:
        if self._outbox is not None:
            self._outbox.send(pack(frame))


def _certified(transport: asyncio.BaseTransport) -> str:
    """The noun of the certificate at the other end; empty without one."""
    certificate = transport.get_extra_info("peercert") or {}
    return noun_of(name.encode() for kind, name in certificate.get("subjectAltName", ()) if kind == "URI")


def _call(frame: pb.Frame, method: Method, started: float, peer: str) -> Call:
    trace = {TRACEPARENT: frame.traceparent} if frame.traceparent else _NOTHING
    return Call(
        method.path,
        method.rule,
        correlation_id=frame.correlation_id,
        peer=peer,
        deadline=started + frame.time_left / 1e6,
        metadata=trace,
    )


def _known(error: Exception, method: Method) -> Error:
    if isinstance(error, Error) and not isinstance(error, Internal):
        return error
    _log.exception("call failed", error, method=method.label)
    return error if isinstance(error, Error) else Internal(INTERNAL_MESSAGE)
