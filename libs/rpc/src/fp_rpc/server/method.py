"""Facts of an RPC that are worked out once, when its servicer is added."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import grpc
from fp_kernel import InvalidArgument, Unimplemented
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import DecodeError

from fp_rpc.access import AccessRule
from fp_rpc.errors import too_large
from fp_rpc.server.null_characters import NullCharacters, null_characters

# Fields that name what a request is about, for the audit record; ids go before them.
_NAMES: Final = ("name", "model_name", "email", "service")
_OWN_IDS: Final = frozenset(("request_id", "correlation_id", "item_id", "client_id"))


@dataclass(frozen=True, slots=True)
class Method:
    """path: `/package.Service/Name`. label: the same without the slash, for metrics and spans.

    behaviour: of the servicer; where it does not override the method, one that answers UNIMPLEMENTED.
    resource_fields: fields of the request that name the resource, best first. attributes: of its spans.
    """

    path: str
    label: str
    rule: AccessRule
    behaviour: Callable[[Any, Any], Any]
    deserializer: Callable[[bytes], Any] | None
    serializer: Callable[[Any], bytes] | None
    streams_requests: bool
    streams_responses: bool
    resource_fields: tuple[str, ...]
    attributes: Mapping[str, str]
    limit: int
    nulls: NullCharacters

    def read(self, raw: bytes) -> Any:
        """Raises ResourceExhausted for a message over the limit, InvalidArgument for bytes that are no message."""
        if len(raw) > self.limit:
            raise too_large(len(raw), self.limit)
        if self.deserializer is None:
            return raw
        try:
            return self.deserializer(raw)
        except DecodeError:
            raise InvalidArgument("the body is not a message of this method", reason="MALFORMED_BODY") from None

    def parse(self, raw: bytes) -> Any:
        """As `read`; raises InvalidArgument also for a text with the character NUL."""
        message = self.read(raw)
        if self.may_hold_null(raw):
            self.nulls.check(message)
        return message

    def may_hold_null(self, raw: bytes) -> bool:
        """Whether the texts of the message must be looked at; see `nulls`."""
        return self.deserializer is not None and b"\0" in raw

    def serialize(self, message: Any) -> bytes:
        """Bytes are passed on as they are: the stored response of a command, or a relayed one."""
        raw: bytes = message if self.serializer is None or type(message) is bytes else self.serializer(message)
        if len(raw) > self.limit:
            raise too_large(len(raw), self.limit)
        return raw

    def resource_of(self, request: Any) -> str:
        """What the request names as its resource, at most 200 characters; empty when it names nothing."""
        for name in self.resource_fields:
            if value := getattr(request, name, ""):
                return str(value)[:200]
        return ""


def method_of(path: str, rule: AccessRule, handler: Any, request: Descriptor, limit: int) -> Method:
    """Facts of one generated handler.

    Raises TypeError when its implementation is not async.
    """
    behaviour = (
        (handler.stream_stream if handler.response_streaming else handler.stream_unary)
        if handler.request_streaming
        else (handler.unary_stream if handler.response_streaming else handler.unary_unary)
    )
    return Method(
        path=path,
        label=path[1:],
        rule=rule,
        behaviour=_checked(path, behaviour),
        deserializer=handler.request_deserializer,
        serializer=handler.response_serializer,
        streams_requests=handler.request_streaming,
        streams_responses=handler.response_streaming,
        resource_fields=_resource_fields(request),
        attributes=MappingProxyType({"rpc.system.name": "grpc", "rpc.method": path[1:]}),
        limit=limit,
        nulls=null_characters(request),
    )


def handler_of(method: Method, handle: Callable[[Any, Any], Any]) -> "grpc.RpcMethodHandler[Any, Any]":
    """A handler that reads its request by itself; on the wire a single request is a stream of one.

    gRPC would read a single request before it calls the handler, whoever sent it. Single messages come and go as bytes:
    they are parsed after access.
    """
    request = method.parse if method.streams_requests else None
    response = method.serialize if method.streams_responses else None
    make = grpc.stream_stream_rpc_method_handler if method.streams_responses else grpc.stream_unary_rpc_method_handler
    return make(handle, request, response)


def _checked(path: str, behaviour: Any) -> Callable[[Any, Any], Any]:
    checked: Callable[[Any, Any], Any] = behaviour
    if inspect.iscoroutinefunction(behaviour) or inspect.isasyncgenfunction(behaviour):
        return checked
    if getattr(behaviour, "__module__", "").endswith("_pb2_grpc"):
        return _unimplemented
    raise TypeError(f"{path} must be an async function: a blocking one would hold every other call")


async def _unimplemented(_request: Any, _context: Any) -> Any:
    raise Unimplemented("this method is not implemented")


def _resource_fields(request: Descriptor) -> tuple[str, ...]:
    texts = [field.name for field in request.fields if field.type == field.TYPE_STRING and not field.is_repeated]
    ids = [name for name in texts if name == "id" or (name.endswith("_id") and name not in _OWN_IDS)]
    return (*ids, *(name for name in _NAMES if name in texts))
