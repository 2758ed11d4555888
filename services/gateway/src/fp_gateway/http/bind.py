"""HTTP requests as messages of an RPC."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from fp_kernel import invalid
from fp_rpc.errors import too_large
from fp_rpc.json_bodies import document_of
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from starlette.datastructures import QueryParams
from starlette.requests import ClientDisconnect, Request

from fp_gateway.failures import MAX_MESSAGE_BYTES
from fp_gateway.http import body_errors
from fp_gateway.http.route_table import Route
from fp_gateway.methods import Method

# Seconds that a caller may send nothing in the middle of a body.
_SILENCE = 10.0
# Seconds for all of it: what drips in byte by byte must end as well. 16 MiB come in time over half a megabit a second.
_SECONDS = 300.0
PUBLIC_SECONDS = 10.0
"""The same for a body that anybody may send."""
_LENGTH = "content-length"

_PAGINATION = frozenset({"page_size", "page_token"})
_TIME = "google.protobuf.Timestamp"
_TRUTH = {"true": True, "1": True, "false": False, "0": False}


async def read_body(request: Request, limit: int = MAX_MESSAGE_BYTES, seconds: float = _SECONDS) -> bytes:
    """The body, refused as soon as it is known to be longer than `limit` bytes.

    Raises ResourceExhausted, or InvalidArgument when the caller broke off or took longer than `seconds`; both name
    `body`.
    """
    declared = request.headers.get(_LENGTH, "")
    if declared.isdecimal() and int(declared[:20]) > limit:
        raise too_large(int(declared[:20]), limit, field="body")
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in _chunks(request):
                body += chunk
                if len(body) > limit:
                    raise too_large(len(body), limit, field="body")
    except ClientDisconnect:
        raise invalid("body", "ended before it was complete") from None
    except TimeoutError:
        raise invalid("body", "did not come in time") from None
    return bytes(body)


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    """Raises TimeoutError when the next one does not come: half a request must not stay in memory."""
    stream = request.stream()
    while True:
        async with asyncio.timeout(_SILENCE):
            chunk = await anext(stream, None)
        if chunk is None:
            return
        yield chunk


def request_message(body: bytes, request: Request, route: Route, method: Method) -> Message:
    """The RPC's request from path, query and body; what the path names wins over the body."""
    document = document_of(body)
    descriptor = method.descriptor.input_type
    document |= query_fields(request.query_params, descriptor)
    for parameter, name in route.path_fields.items():
        document.pop(_camel(name), None)
        value = request.path_params[parameter]
        document[name] = [value] if descriptor.fields_by_name[name].is_repeated else value
    return parse(document, descriptor)


def parse(document: Mapping[str, Any], descriptor: Descriptor) -> Message:
    """Raises InvalidArgument naming the field; a body may be nested 32 deep."""
    body_errors.check_depth(document)
    message = message_factory.GetMessageClass(descriptor)()
    try:
        return json_format.ParseDict(dict(document), message)
    except json_format.ParseError:
        raise body_errors.first_error(document, descriptor) from None


def response_message(method: Method, data: bytes) -> Message:
    message: Message = message_factory.GetMessageClass(method.descriptor.output_type)()
    message.ParseFromString(data)
    return message


def query_fields(parameters: QueryParams, descriptor: Descriptor) -> dict[str, Any]:
    """Fields of the request by query parameters; a repeated field takes its parameter as often as it comes.

    Raises InvalidArgument naming the parameter.
    """
    found: dict[str, Any] = {}
    for name in parameters:
        # Clients add `_=<number>` to get past caches.
        if name.startswith("_"):
            continue
        values = parameters.getlist(name)
        if name in _PAGINATION and "pagination" in descriptor.fields_by_name:
            found.setdefault("pagination", {})[name] = _once(name, values)
            continue
        field = descriptor.fields_by_name[_field_for(name, descriptor)]
        found[field.name] = values if field.is_repeated else _typed(name, field, _once(name, values))
    return found


def _field_for(name: str, descriptor: Descriptor) -> str:
    """`task_type` finds `task_type` or `task_type_filter`."""
    for candidate in (name, f"{name}_filter"):
        field = descriptor.fields_by_name.get(candidate)
        if field is not None and _readable(field):
            return candidate
    raise invalid(name, "is not a query parameter of this route")


def _readable(field: FieldDescriptor) -> bool:
    """Whether a query parameter can give it: a plain value, a list of plain values, or a time."""
    if field.message_type is None:
        return True
    return field.message_type.full_name == _TIME and not field.is_repeated


def _typed(name: str, field: FieldDescriptor, value: str) -> Any:
    if field.cpp_type == field.CPPTYPE_BOOL:
        if value not in _TRUTH:
            raise invalid(name, "must be true or false")
        return _TRUTH[value]
    return value


def _once(name: str, values: list[str]) -> str:
    if len(values) > 1:
        raise invalid(name, "is there more than once")
    return values[0]


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
