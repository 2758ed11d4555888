"""The templates of the edge say what the protos, their options and the gateway's routes say."""

import json
import re
from datetime import UTC, datetime

import edge_config
import pytest
from edge_parts import http_table
from edge_parts.listeners import inner_names
from fp_gateway.http import deprecation
from rules import protos

LOGIN = "/forgepoint.auth.v1.AuthService/Login"
REGISTRY_PROTO = "proto/forgepoint/registry/v1/registry.proto"


@pytest.fixture(scope="module")
def routes(tree):
    document = json.loads(edge_config.render(tree.root)["routes.json"])
    return document["resources"][0]["virtual_hosts"][0]["routes"]


@pytest.fixture(scope="module")
def rpcs(tree):
    return protos.read(tree.root)


def taken(routes, path, **headers):
    """The first route that takes a request, as Envoy looks for it."""

    def takes(match):
        names = [key for key in ("path", "prefix", "safe_regex") if key in match]
        [name] = names
        pattern = match[name]["regex"] if name == "safe_regex" else re.escape(match[name])
        fits = re.match(pattern, path) if name == "prefix" else re.fullmatch(pattern, path)
        return bool(fits) and all(has(header) for header in match.get("headers", ()))

    def has(header):
        value = headers.get(header["name"].strip(":").replace("-", "_"), "")
        if "present_match" in header:
            return bool(value)
        if "range_match" in header:
            return value != "" and header["range_match"]["start"] <= int(value) < header["range_match"]["end"]
        [(kind, wanted)] = [each for each in header["string_match"].items() if each[0] != "ignore_case"]
        if kind == "safe_regex":
            found = bool(re.fullmatch(wanted["regex"], value))
        else:
            found = value == wanted if kind == "exact" else value.lower().startswith(wanted.lower())
        return found != header.get("invert_match", False)

    return next(route for route in routes if takes(route["match"]))


def grpc(routes, path, authorization="Bearer x"):
    return taken(routes, path, method="POST", content_type="application/grpc", authorization=authorization)


def test_the_templates_are_current(tree):
    assert edge_config.stale(tree.root) == [], "run: python tools/edge_config.py"


def test_a_new_rpc_makes_the_routes_stale(plant, copied):
    for name, text in edge_config.render(copied.root).items():
        (copied.root / edge_config.FOLDER / name).write_text(text)
    assert edge_config.stale(copied.root) == []
    before = (copied.root / REGISTRY_PROTO).read_text()

    plant(REGISTRY_PROTO, before.replace("rpc GetModel(", "rpc GetModelToo(", 1))

    assert edge_config.stale(copied.root) == ["routes.json"]


def test_every_rpc_from_outside_goes_to_its_service_and_every_other_to_the_gateway(routes, rpcs):
    for rpc in rpcs:
        inside = rpc.access.internal or rpc.noun in ("ai", "serving", "platform")
        found = grpc(routes, f"/{rpc.package}.{rpc.service}/{rpc.name}")["route"]["cluster"]
        assert found == ("gateway" if inside else rpc.noun), rpc


def test_only_public_rpcs_pass_without_a_credential(routes, rpcs):
    for rpc in rpcs:
        for authorization in ("", "Basic eDp5", "bearer"):
            found = grpc(routes, f"/{rpc.package}.{rpc.service}/{rpc.name}", authorization)
            passes = "route" in found
            assert passes == (rpc.access.public and not rpc.access.internal), rpc
            assert passes or found["direct_response"]["status"] == 401


def test_public_calls_and_refusals_are_counted_by_address_and_public_bodies_are_small(routes, rpcs):
    for route in routes:
        kind = route.get("metadata", {}).get("filter_metadata", {}).get("edge", {}).get("kind")
        small = "envoy.filters.http.buffer" in route.get("typed_per_filter_config", {})
        if "route" in route:
            assert small == ("idle_timeout" in route["route"])
            assert not small or kind == "public"
        assert kind == "refused" or route.get("direct_response", {}).get("status") != 401
    public = [rpc for rpc in rpcs if rpc.access.public and not rpc.access.internal]
    small = [
        route for route in routes if "typed_per_filter_config" in route and route["name"].startswith("/forgepoint")
    ]
    assert len(small) == len(public)


def test_every_route_of_the_gateway_is_taken_with_its_verbs_and_refused_with_others(routes, rpcs):
    table = http_table.routes(rpcs)
    assert len(table) > 100
    for route in table:
        path = re.sub(r"\{[^}]*\}", "x", route.path)
        for verb in route.verbs:
            authorization = "" if route.public else "Bearer x"
            found = taken(routes, path, method=verb, authorization=authorization)
            assert found["route"]["cluster"] == (route.noun or "gateway_http"), (verb, path)
            if not route.public:
                refused = taken(routes, path, method=verb)
                assert refused["direct_response"]["status"] == 401, (verb, path)
        refused = taken(routes, path, method="TRACE")
        assert refused["direct_response"]["status"] == 405
        allowed = refused["response_headers_to_add"][0]["header"]["value"].split(", ")
        assert set(route.verbs) <= set(allowed)


@pytest.mark.parametrize("path", ["/api/v1/login", "/v2/health/live", "/login/sso/x", "/oauth/token"])
def test_what_says_who_somebody_is_needs_no_credential(rpcs, path):
    found = [route for route in http_table.routes(rpcs) if re.sub(r"\{[^}]*\}", "x", route.path) == path]

    assert found
    assert all(route.public for route in found)


@pytest.mark.parametrize(
    ("path", "status"), [("/", 404), ("/ai/v1/models", 404), ("/forgepoint.auth.v1.AuthService/Nothing", 404)]
)
def test_what_nobody_serves_is_not_found(routes, path, status):
    assert grpc(routes, path)["direct_response"]["status"] == status


def test_no_call_has_a_time_limit_of_its_route(routes):
    assert {route["route"]["timeout"] for route in routes if "route" in route} == {"0s"}


@pytest.mark.parametrize(
    ("name", "removed"),
    [
        ("fp-on-behalf-of-team", True),
        ("fp-client-address", True),
        ("fp-forwarded-by", True),
        ("fp-", True),
        ("fp-pos", True),
        ("fp-positions", True),
        ("fp-position", False),
        ("idempotency-key", False),
    ],
)
def test_every_inner_name_but_the_clients_own_is_removed(name, removed):
    assert bool(re.fullmatch(inner_names(), name)) == removed


@pytest.mark.parametrize("path", ["/forgepoint.registry.v1.RegistryService/GetModel", LOGIN])
def test_an_rpc_that_is_on_its_way_out_says_so_over_grpc_too(tree, monkeypatch, path):
    old = deprecation.Deprecation(
        datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 7, 1, tzinfo=UTC), "https://example.org/100%25"
    )
    monkeypatch.setitem(deprecation.RPCS, path, old)
    document = json.loads(edge_config.render(tree.root)["routes.json"])
    routes = document["resources"][0]["virtual_hosts"][0]["routes"]

    added = {each["header"]["key"]: each["header"]["value"] for each in grpc(routes, path)["response_headers_to_add"]}
    # Envoy takes a percent sign for the beginning of a command.
    assert added == {name: value.replace("%", "%%") for name, value in old.headers().items()}
    assert "response_headers_to_add" not in grpc(routes, "/forgepoint.registry.v1.RegistryService/ListModels")
