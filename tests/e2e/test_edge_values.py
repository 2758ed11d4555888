"""Every RPC and every route with values at the edge of what can be sent: none is an internal error."""

import asyncio
import math
import os
import re
from collections import Counter, defaultdict

import grpc
import httpx
import pytest
from fp_gateway.http.route_table import API
from fp_gateway.methods import all_methods
from fp_testkit.http import NO_TLS
from fp_testkit.patience import PATIENCE
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message_factory import GetMessageClass
from rpc_walk import METHODS, REFUSALS, access, status

INTERNAL = {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DATA_LOSS}
# They are about whoever calls: the walk would end its own session.
OWN = {"LogOutEverywhere", "Logout", "EndSession", "ChangePassword"}
# Messages within messages that are filled.
DEPTH = 3
AT_ONCE = 8
NUMBERS = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
    FieldDescriptor.CPPTYPE_DOUBLE: (math.nan, math.inf),
    FieldDescriptor.CPPTYPE_FLOAT: (math.nan, -math.inf),
    FieldDescriptor.CPPTYPE_ENUM: (97, -1),
    FieldDescriptor.CPPTYPE_BOOL: (True, True),
}
TEXTS = {
    "nul": "a\0b",
    "odd": "\u202e' OR 1=1; -- %00 \U0001f9ea\u0301",
    "long": "x" * 70_000,
    "low": "-1",
    "high": "9" * 40,
}


def filled(message, kind, depth=DEPTH):
    """The message with every field at an edge; one of each list and map."""
    for field in message.DESCRIPTOR.fields:
        if field.containing_oneof is not None and message.WhichOneof(field.containing_oneof.name):
            continue
        nested = field.message_type
        if nested is not None and nested.GetOptions().map_entry:
            _put(getattr(message, field.name), nested, kind, depth)
        elif nested is not None:
            if depth:
                there = getattr(message, field.name)
                filled(there.add() if field.is_repeated else there, kind, depth - 1)
                if not field.is_repeated:
                    there.SetInParent()
        elif field.is_repeated:
            getattr(message, field.name).append(value(field, kind))
        else:
            setattr(message, field.name, value(field, kind))
    return message


def value(field, kind):
    if field.type == FieldDescriptor.TYPE_STRING:
        return TEXTS[kind]
    if field.type == FieldDescriptor.TYPE_BYTES:
        return TEXTS[kind].encode()
    return NUMBERS[field.cpp_type][kind != "low"]


def _put(pairs, entry, kind, depth):
    key, of = value(entry.fields_by_name["key"], kind), entry.fields_by_name["value"]
    if of.message_type is None:
        pairs[key] = value(of, kind)
    elif depth:
        filled(pairs[key], kind, depth - 1)


def deep(descriptor):
    """The message with a free-form value in it that is nested 30 deep; None without such a field."""
    for field in descriptor.fields:
        if field.message_type is not None and field.message_type.full_name == "google.protobuf.Struct":
            if field.is_repeated:
                continue
            message = GetMessageClass(descriptor)()
            here = getattr(message, field.name)
            for _ in range(30):
                here = here.fields["k"].struct_value
            here.fields["k"].number_value = 1
            return message
    return None


async def walked(channel, token, requests):
    """(path, code) of each call; some at once, because streams may have nothing to say."""
    at_once = asyncio.Semaphore(AT_ONCE)

    async def one(method, request):
        async with at_once:
            return method.path, await status(channel, method, token, request)

    return await asyncio.gather(*(one(method, request) for method, request in requests))


def walk():
    """RPCs that somebody outside may call, and those that say nothing by themselves but need no such answer."""
    return [
        method
        for method in METHODS
        if not access(method).internal and method.descriptor.name not in OWN and not method.client_streaming
    ]


@pytest.fixture
async def tokens(token_of, admin_token):
    """Of an admin, who may most, and of the operator."""
    return await token_of("admin", "edge-values"), admin_token


def by_whom(method, tokens):
    admin, operator = tokens
    return operator if access(method).permission.startswith("platform:") else admin


async def test_a_text_with_the_character_nul_is_refused_by_every_rpc_that_takes_text(channel, tokens):
    found = {}
    for method in walk():
        request = filled(GetMessageClass(method.descriptor.input_type)(), "nul")
        if b"a\0b" in request.SerializeToString():
            found[method.path] = await status(channel, method, by_whom(method, tokens), request)

    answered = REFUSALS | {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.UNIMPLEMENTED}
    assert {path: code for path, code in found.items() if code not in answered} == {}
    assert list(found.values()).count(grpc.StatusCode.INVALID_ARGUMENT) > len(found) * 3 // 4


@pytest.mark.parametrize("kind", ["odd", "long", "low", "high"])
async def test_no_value_of_any_field_is_an_internal_error(channel, tokens, kind):
    requests = []
    for method in walk():
        make = GetMessageClass(method.descriptor.input_type)
        whole = filled(make(), kind)
        # All of it at once, and each field alone: the first one that is refused hides the others.
        parts = [make() for _ in whole.ListFields()]
        for part, (field, _) in zip(parts, whole.ListFields(), strict=True):
            part.MergeFrom(whole)
            for other, _ in whole.ListFields():
                if other.name != field.name:
                    part.ClearField(other.name)
        requests += [(method, each) for each in (whole, *parts)]
    admin = [(m, r) for m, r in requests if not access(m).permission.startswith("platform:")]
    operator = [(m, r) for m, r in requests if access(m).permission.startswith("platform:")]

    found = await walked(channel, tokens[0], admin) + await walked(channel, tokens[1], operator)

    assert [each for each in found if each[1] in INTERNAL] == []


async def test_values_that_are_nested_deep_are_no_internal_error(channel, tokens):
    requests = [(method, message) for method in walk() if (message := deep(method.descriptor.input_type)) is not None]

    found = await walked(channel, tokens[0], requests)

    assert requests
    assert [each for each in found if each[1] in INTERNAL] == []


def nested(depth):
    document = 1
    for _ in range(depth):
        document = {"k": document}
    return document


EVERY_VALUE = "FP_EVERY_VALUE"
SOME = 3
VALUES = [
    nested(60),
    nested(600),
    [[]],
    {"a": None},
    "a\0b",
    1e308,
    -(2**70),
    True,
]


def bodies():
    """(route, document): each field of each route has some of the values, each kind of field all of them, in turn.

    What a value does is decided by the kind of its field, and a route is asked once for each of its fields at least.
    `make proof NAME=edge_values` gives every field every value.
    """
    methods, turns = all_methods(), Counter()
    for route in API:
        if not route.takes_body or route.method.rpartition("/")[2] in OWN:
            continue
        for field in methods[route.method].descriptor.input_type.fields:
            for _ in range(at_a_field()):
                kind = field.type, field.is_repeated, field.message_type and field.message_type.full_name
                yield route, {field.json_name: VALUES[turns[kind] % len(VALUES)]}
                turns[kind] += 1


def at_a_field():
    """How many of the values."""
    return len(VALUES) if os.environ.get(EVERY_VALUE) else SOME


def test_every_value_is_given_to_each_common_kind_of_field():
    given = defaultdict(set)
    for route, document in bodies():
        fields = all_methods()[route.method].descriptor.input_type.fields_by_camelcase_name
        ((name, value),) = document.items()
        given[fields[name].type, fields[name].is_repeated].add(repr(value))
    strings = (FieldDescriptor.TYPE_STRING, False)
    assert len(given[strings]) == len(VALUES)
    assert sum(len(values) == len(VALUES) for values in given.values()) >= len(given) // 2


async def test_no_body_of_any_route_is_an_internal_error(platform, tokens):
    at_once, headers = asyncio.Semaphore(AT_ONCE), {"authorization": f"Bearer {tokens[0]}"}
    wrong = []
    async with httpx.AsyncClient(base_url=platform.http, timeout=PATIENCE, headers=headers, verify=NO_TLS) as http:

        async def one(route, document):
            path = re.sub(r"{[^}]*}", "a%00b", route.path)
            async with at_once:
                response = await http.request(route.verb, f"/api/v1{path}", json=document)
            if response.status_code >= 500 and response.status_code != 501:
                wrong.append((route.verb, route.path, document, response.status_code))

        await asyncio.gather(*(one(route, document) for route, document in bodies()))

    assert wrong == []
