import grpc
import pytest
from forgepoint.auth.v1 import auth_pb2, auth_pb2_grpc
from fp_kernel import PermissionDenied, Unauthenticated, Unavailable
from fp_rpc import Channels, HttpJwks, JwtResolver, Server, ServiceCredential, current_call
from fp_runtime import Runtime, ServiceSettings, StartFailed
from fp_testkit.issuer import SERVICE_SECRET
from fp_testkit.patience import PATIENCE


class Auth(auth_pb2_grpc.AuthServiceServicer):
    """Answers who called."""

    async def GetCurrentUser(self, request, context):
        principal = current_call().principal
        return auth_pb2.GetCurrentUserResponse(
            claims=auth_pb2.TokenClaims(user_id=principal.user_id, team=principal.team)
        )

    async def ListUsers(self, request, context):
        return auth_pb2.ListUsersResponse()


SERVICE = (auth_pb2_grpc.add_AuthServiceServicer_to_server, Auth())


async def test_a_server_in_the_process_of_the_test_knows_its_test_identities(rpc, identity):
    server = await rpc(SERVICE)

    stub = auth_pb2_grpc.AuthServiceStub(server.channel(identity.viewer("beta")))
    answer = await stub.GetCurrentUser(auth_pb2.GetCurrentUserRequest())

    assert (answer.claims.user_id, answer.claims.team) == ("viewer-of-beta", "beta")


async def test_roles_may_what_their_scopes_say(rpc, identity):
    server = await rpc(SERVICE)

    await auth_pb2_grpc.AuthServiceStub(server.channel(identity.admin())).ListUsers(auth_pb2.ListUsersRequest())
    with pytest.raises(PermissionDenied):
        await auth_pb2_grpc.AuthServiceStub(server.channel(identity.engineer())).ListUsers(auth_pb2.ListUsersRequest())


async def test_a_plain_channel_shows_status_and_metadata_as_they_are(rpc):
    server = await rpc(SERVICE)

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await auth_pb2_grpc.AuthServiceStub(server.plain()).GetCurrentUser(auth_pb2.GetCurrentUserRequest())

    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_the_issuer_gives_services_tokens_that_its_keys_verify(issuer, clock):
    credential = ServiceCredential("registry", SERVICE_SECRET, issuer.address)
    jwks = HttpJwks(f"{issuer.url}/.well-known/jwks.json")
    try:
        principal = await JwtResolver(issuer.url, jwks).resolve(await credential.token())
        assert (principal.service, principal.role) == ("registry", "service")
    finally:
        await credential.close()


async def test_the_issuer_refuses_another_secret(issuer):
    credential = ServiceCredential("registry", "wrong", issuer.address)
    try:
        with pytest.raises(Unavailable, match="no token"):
            await credential.token()
    finally:
        await credential.close()


async def test_the_issuer_validates_the_keys_it_made_until_they_are_taken_away(issuer):
    key = issuer.api_key(team="beta", role="viewer")
    credential = ServiceCredential("registry", SERVICE_SECRET, issuer.address)
    channels = Channels(credential)
    try:
        stub = auth_pb2_grpc.AuthServiceStub(channels.open(issuer.address, timeout=PATIENCE))
        answer = await stub.ValidateToken(auth_pb2.ValidateTokenRequest(token=key))
        assert (answer.claims.team, answer.claims.role) == ("beta", "viewer")
        issuer.keys.pop(key)
        with pytest.raises(Unauthenticated):
            await stub.ValidateToken(auth_pb2.ValidateTokenRequest(token=key))
    finally:
        await channels.close()
        await credential.close()


class Settings(ServiceSettings):
    """The common settings."""


@pytest.fixture
def settings(issuer):
    return Settings(
        auth_issuer=issuer.url, service_secret=SERVICE_SECRET, bind_host="127.0.0.1", grpc_port=0, http_port=0
    )


async def test_a_whole_service_runs_in_the_loop_of_the_test(services, settings, issuer):
    async def serve(runtime: Runtime, settings: Settings) -> None:
        resolver = JwtResolver(settings.auth_issuer, HttpJwks(f"{settings.auth_issuer}/.well-known/jwks.json"))
        server = Server("auth", resolver=resolver, metrics=runtime.metrics)
        server.add(*SERVICE)
        await runtime.serve(server)

    service = await services("auth", settings, serve)
    channels = Channels(None)
    try:
        stub = auth_pb2_grpc.AuthServiceStub(channels.open(service.grpc_address, timeout=PATIENCE))
        token = issuer.identity.viewer("beta")
        answer = await stub.GetCurrentUser(
            auth_pb2.GetCurrentUserRequest(), metadata=(("authorization", f"Bearer {token}"),)
        )
        assert answer.claims.team == "beta"
    finally:
        await channels.close()


async def test_a_service_that_cannot_start_says_why_to_the_test(services, settings):
    async def serve(runtime: Runtime, settings: Settings) -> None:
        raise StartFailed("no migrations")

    with pytest.raises(StartFailed, match="no migrations"):
        await services("auth", settings, serve)


async def test_a_service_that_never_serves_is_told_apart_from_one_that_does(services, settings):
    async def serve(runtime: Runtime, settings: Settings) -> None:
        """Forgets to serve."""

    with pytest.raises(RuntimeError, match="without serving"):
        await services("auth", settings, serve)
