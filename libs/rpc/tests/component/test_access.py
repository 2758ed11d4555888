"""Who gets in, and in which order a call is judged."""

import grpc
import pytest
from fp_kernel import Internal, InvalidArgument, PermissionDenied, Unauthenticated, Unimplemented
from fp_rpc import Channels, NoAudit, Server, acting_for, caller, current_call, principal
from fp_telemetry import Metrics
from fp_testkit.wallclock import real_now

STREAMS = ("In", "Both")


async def call(stub, shapes, method, metadata=()):
    """The outcome of a call of any shape with one request."""
    request = shapes.pb.Request(text="x")

    async def requests():
        yield request

    started = getattr(stub, method)(requests() if method in STREAMS else request, metadata=metadata)
    return [answer async for answer in started] if method in ("Out", "Both") else await started


@pytest.mark.parametrize("method", ["One", "Out", "In", "Both"])
async def test_a_call_without_a_credential_is_not_authenticated(serve, shapes, method):
    stub = (await serve()).stub()

    with pytest.raises(Unauthenticated) as refused:
        await call(stub, shapes, method)

    assert refused.value.reason == "CREDENTIAL_MISSING"


@pytest.mark.parametrize("method", ["One", "Out", "In", "Both"])
async def test_a_call_without_the_permission_is_denied_and_told_which(serve, shapes, keys, method):
    stub = (await serve()).stub(keys.sign(scopes=["users:read"]))

    with pytest.raises(PermissionDenied) as refused:
        await call(stub, shapes, method)

    assert refused.value.metadata == {"permission": "models:read"}


@pytest.mark.parametrize("scopes", [["models:read"], ["models:*"], ["*:read"], ["*:*"]])
async def test_a_wildcard_grants(serve, shapes, keys, scopes):
    stub = (await serve()).stub(keys.sign(scopes=scopes))

    assert (await call(stub, shapes, "One")).text == "one x"


async def test_a_method_that_is_not_built_is_denied_first_and_unimplemented_then(serve, shapes, keys):
    running = await serve()

    with pytest.raises(Unauthenticated):
        await call(running.stub(), shapes, "Missing")
    with pytest.raises(PermissionDenied):
        await call(running.stub(keys.sign()), shapes, "Missing")
    with pytest.raises(Unimplemented):
        await call(running.stub(keys.sign(scopes=["models:write"])), shapes, "Missing")


async def test_access_is_judged_before_the_body_is_read(serve, keys, bearer):
    running = await serve()
    raw = running.bare().unary_unary("/forgepoint.rpctest.v1.ShapesService/Write")

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await raw(b"\xff\xff no message", metadata=bearer(keys.sign()))
    with pytest.raises(grpc.aio.AioRpcError) as malformed:
        await raw(b"\xff\xff no message", metadata=bearer(keys.sign(scopes=["models:write"])))

    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert malformed.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_public_method_needs_no_credential_and_ignores_a_bad_one(serve, shapes):
    running = await serve()

    assert (await call(running.stub(), shapes, "Open")).text == "one x"
    assert (await call(running.stub("forged"), shapes, "Open")).text == "one x"


async def test_any_valid_credential_opens_an_authenticated_method(serve, shapes, keys):
    stub = (await serve()).stub(keys.sign(scopes=[]))

    assert (await call(stub, shapes, "Anyone")).text == "one x"


async def test_an_internal_method_is_for_services_only(serve, shapes, keys):
    running = await serve()

    with pytest.raises(PermissionDenied) as refused:
        await call(running.stub(keys.sign(role="admin", scopes=["*:*"])), shapes, "Inner")

    assert refused.value.reason == "INTERNAL_ONLY"
    assert (await call(running.stub(keys.service()), shapes, "Inner")).text == "one x"


async def test_an_internal_method_refuses_a_service_that_it_does_not_name(serve, shapes, keys):
    running = await serve()

    with pytest.raises(PermissionDenied) as refused:
        await call(running.stub(keys.service("serving", scopes=["*:*"])), shapes, "Inner")

    assert refused.value.reason == "NOT_A_CALLER"


@pytest.mark.parametrize("method", ["One", "Anyone", "Inner"])
async def test_a_token_that_proves_an_address_calls_nothing(serve, shapes, keys, method):
    proof = keys.service("registry", aud="forgepoint-client-address", scopes=["models:read"])
    stub = (await serve()).stub(proof)

    with pytest.raises(Unauthenticated) as refused:
        await call(stub, shapes, method)

    assert refused.value.reason == "TOKEN_INVALID"


async def test_a_job_gets_only_into_what_is_for_jobs(serve, shapes, keys):
    stub = (await serve()).stub(keys.sign(role="job", execution_id="e1"))

    with pytest.raises(PermissionDenied) as refused:
        await call(stub, shapes, "One")

    assert refused.value.reason == "NOT_FOR_JOBS"


@pytest.mark.parametrize("scheme", ["Basic abc", "Bearer", "Bearer ", "abc"])
async def test_another_scheme_than_bearer_is_not_authenticated(serve, shapes, scheme):
    stub = (await serve()).stub()

    with pytest.raises(Unauthenticated):
        await call(stub, shapes, "One", (("authorization", scheme),))


async def test_an_expired_token_is_not_authenticated(serve, shapes, keys):
    stub = (await serve()).stub(keys.sign(exp=int(real_now().timestamp()) - 1))

    with pytest.raises(Unauthenticated) as refused:
        await call(stub, shapes, "One")

    assert refused.value.reason == "TOKEN_EXPIRED"


@pytest.mark.parametrize("header", ["fp-on-behalf-of-team", "fp-on-behalf-of-user"])
@pytest.mark.parametrize("role", ["viewer", "admin", "job"])
async def test_only_services_may_act_for_others(serve, shapes, keys, header, role):
    stub = (await serve()).stub(keys.sign(role=role))

    with pytest.raises(PermissionDenied) as refused:
        await call(stub, shapes, "One", ((header, "blue"),))

    assert refused.value.reason == "ON_BEHALF_OF"


async def test_a_service_acts_for_a_team_and_a_user_and_stays_itself(serve, shapes, keys, scripted, bearer):
    async def who(request, context):
        caller = principal()
        return shapes.pb.Response(text=f"{caller.team} {caller.user_id} {caller.role} {caller.service}")

    scripted.one = who
    stub = (await serve()).plain()
    metadata = bearer(keys.service(), fp_on_behalf_of_team="%C3%A9quipe rouge", fp_on_behalf_of_user="u-7")

    answer = await stub.One(shapes.pb.Request(), metadata=metadata)

    assert answer.text == "équipe rouge u-7 service registry"


async def test_a_user_without_a_team_is_refused(serve, shapes, keys):
    stub = (await serve()).stub(keys.service())

    with pytest.raises(InvalidArgument) as refused:
        await call(stub, shapes, "One", (("fp-on-behalf-of-user", "u-7"),))

    assert refused.value.fields[0].field == "fp-on-behalf-of-team"


async def scope_of(running, shapes, token, requested, metadata=()):
    return (await running.stub(token).Crossing(shapes.pb.Request(text=requested), metadata=metadata)).text


async def test_only_an_operator_and_a_free_service_name_another_team(serve, shapes, keys, scripted):
    async def scope(request, context):
        return shapes.pb.Response(text=current_call().team_scope(request.text))

    scripted.one = scope
    running = await serve()
    operator = keys.sign(role="operator", scopes=["*:*", "platform:admin"])
    admin, viewer = keys.sign(role="admin", scopes=["*:*"]), keys.sign(scopes=["users:read"])
    narrow = keys.sign(role="operator", scopes=["users:read"])

    assert await scope_of(running, shapes, operator, "") == "red"
    assert await scope_of(running, shapes, operator, "blue") == "blue"
    assert await scope_of(running, shapes, admin, "red") == "red"
    assert await scope_of(running, shapes, viewer, "red") == "red"
    assert await scope_of(running, shapes, keys.service(), "blue") == "blue"
    for refused in (admin, narrow, viewer):
        with pytest.raises(PermissionDenied):
            await scope_of(running, shapes, refused, "blue")
    with pytest.raises(PermissionDenied):
        await scope_of(running, shapes, keys.service(), "blue", (("fp-on-behalf-of-team", "red"),))


async def test_an_operator_names_no_other_team_where_the_method_does_not_say_so(serve, shapes, keys, scripted):
    async def scope(request, context):
        return shapes.pb.Response(text=current_call().team_scope(request.text))

    scripted.one = scope
    stub = (await serve()).stub(keys.sign(role="operator", scopes=["*:*", "platform:admin"]))

    with pytest.raises(PermissionDenied):
        await stub.One(shapes.pb.Request(text="blue"))


def test_a_method_without_an_access_option_does_not_start(shapes, resolver):
    server = Server("test", resolver=resolver, metrics=Metrics("test"))

    with pytest.raises(ValueError, match=r"NakedService\.Nothing has no Access option"):
        server.add(shapes.rpc.add_NakedServiceServicer_to_server, shapes.rpc.NakedServiceServicer())


def test_a_blocking_method_does_not_start(shapes, resolver, scripted):
    class Blocking(type(scripted)):
        def One(self, request, context):
            return shapes.pb.Response()

    server = Server("test", resolver=resolver, metrics=Metrics("test"), audit=NoAudit())

    with pytest.raises(TypeError, match="ShapesService/One must be an async function"):
        server.add(shapes.rpc.add_ShapesServiceServicer_to_server, Blocking())


async def test_a_service_sends_for_whom_it_acts_and_a_user_does_not(serve, shapes, keys, scripted):
    async def who(request, context):
        return shapes.pb.Response(text=f"{principal().team}/{principal().user_id}")

    scripted.one = who
    running = await serve()
    service = running.stub_of(Channels(Service(keys.service())))

    with acting_for("blue", "u-9"):
        assert (await service.One(shapes.pb.Request())).text == "blue/u-9"
        assert (await running.stub(keys.sign()).One(shapes.pb.Request())).text == "red/user-1"
    assert (await service.One(shapes.pb.Request())).text == "/registry"


async def test_a_handler_that_needs_a_team_refuses_a_service_that_names_none(serve, shapes, keys, scripted):
    async def who(request, context):
        return shapes.pb.Response(text=caller().team)

    scripted.one = who
    running = await serve()
    service = running.stub_of(Channels(Service(keys.service())))

    with acting_for("blue"):
        assert (await service.One(shapes.pb.Request())).text == "blue"
    with pytest.raises(Internal):
        # Not the fault of whoever calls this service: its own channel says so.
        await service.One(shapes.pb.Request())
    with pytest.raises(InvalidArgument) as raised:
        await running.stub(keys.service()).One(shapes.pb.Request())

    assert [bad.field for bad in raised.value.fields] == ["fp-on-behalf-of-team"]


class Service:
    """A service's credential without an auth to ask."""

    acts_for_others = True

    def __init__(self, token):
        self._token = token

    def ready(self):
        return self._token

    async def token(self):
        return self._token

    def refused(self, token):
        return False
