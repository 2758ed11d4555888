import asyncio
import base64
import json
import urllib.request
from datetime import timedelta

import grpc
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from forgepoint.auth.v1 import auth_pb2, auth_pb2_grpc
from fp_kernel import InvalidArgument, PermissionDenied, Unauthenticated, new_id
from fp_rpc import HttpJwks, JwtResolver, acting_for
from google.protobuf.duration_pb2 import Duration

ISSUER = "http://auth.test"


def question(token: str):
    return auth_pb2.ValidateTokenRequest(token=token)


def who():
    return auth_pb2.GetCurrentUserRequest()


def forgeries(token: str):
    payload = jwt.decode(token, options={"verify_signature": False}) | {"role": "admin", "scopes": ["*:*"]}
    kid = jwt.get_unverified_header(token)["kid"]
    stranger = rsa.generate_private_key(65_537, 2_048)
    yield jwt.encode(payload, "", algorithm="none", headers={"kid": kid})
    yield jwt.encode(payload, "the public key, taken for a secret", algorithm="HS256", headers={"kid": kid})
    yield jwt.encode(payload, stranger, algorithm="RS256", headers={"kid": kid})
    yield jwt.encode(payload, stranger, algorithm="RS256", headers={"kid": "unknown"})
    head, _, signature = token.split(".")
    raised = base64.urlsafe_b64encode(json.dumps(payload).encode()).rstrip(b"=").decode()
    yield f"{head}.{raised}.{signature}"
    yield "not.a.token"


async def test_forged_tokens_are_refused_as_credential_and_as_question(auth):
    viewer, pipeline = await auth.member("viewer"), auth.pipeline()
    for forged in forgeries(viewer.token):
        with pytest.raises(Unauthenticated):
            await auth.caller(forged).ListUsers(auth_pb2.ListUsersRequest())
        with pytest.raises(Unauthenticated):
            await pipeline.ValidateToken(question(forged))


async def test_a_call_without_a_credential_is_refused(auth):
    with pytest.raises(Unauthenticated):
        await auth.caller().GetCurrentUser(who())


async def test_an_expired_token_is_refused(start, monkeypatch):
    monkeypatch.setattr("fp_auth.settings.AuthSettings.access_life", -timedelta(seconds=1))
    auth = await start()
    session = await auth.login()
    with pytest.raises(Unauthenticated) as refused:
        await auth.caller(session.access_token).GetCurrentUser(who())
    assert refused.value.reason == "TOKEN_EXPIRED"


async def test_the_current_user_is_whoever_the_token_says(auth):
    member = await auth.member("engineer")
    claims = (await member.call.GetCurrentUser(who())).claims
    assert (claims.user_id, claims.email, claims.team) == (member.user.id, member.user.email, "alpha")
    assert claims.exp.seconds - claims.iat.seconds == 900
    assert claims.jti


async def test_validate_token_answers_services_and_nobody_else(auth):
    member, pipeline = await auth.member("engineer"), auth.pipeline()
    claims = (await pipeline.ValidateToken(question(member.token))).claims
    assert (claims.user_id, claims.role) == (member.user.id, "engineer")
    key = await member.call.CreateAPIKey(auth_pb2.CreateAPIKeyRequest(scopes=["models:read"]))
    claims = (await pipeline.ValidateToken(question(key.raw_key))).claims
    assert (claims.user_id, claims.api_key_id) == (member.user.id, key.api_key.id)
    assert not claims.HasField("exp")
    with pytest.raises(PermissionDenied):
        await (await auth.operator()).ValidateToken(question(member.token))
    with pytest.raises(InvalidArgument):
        await pipeline.ValidateToken(question(""))


BAD_CREDENTIALS = (
    ("pipeline", "wrong", Unauthenticated),
    ("stranger", "the-pipeline-shows-this-secret", Unauthenticated),
    ("", "x", InvalidArgument),
    ("pipeline", "", InvalidArgument),
)


async def test_a_service_without_its_credential_gets_no_token(auth):
    for service, secret, kind in BAD_CREDENTIALS:
        request = auth_pb2.ExchangeServiceTokenRequest(service=service, secret=secret)
        with pytest.raises(kind):
            await auth.caller().ExchangeServiceToken(request)


async def test_a_job_token_names_its_execution_and_the_team_it_works_for(auth):
    user, pipeline = await auth.member("engineer"), auth.pipeline()
    request = auth_pb2.IssueJobTokenRequest(execution_id="e1", step_id="train", ttl=Duration(seconds=7_200))
    with acting_for("alpha", user.user.id):
        issued = await pipeline.IssueJobToken(request)
    claims = (await pipeline.ValidateToken(question(issued.access_token))).claims
    assert (claims.role, claims.team, claims.execution_id) == ("job", "alpha", "e1")
    assert claims.user_id == user.user.id
    assert claims.exp.seconds - claims.iat.seconds == 7_200
    job = auth.caller(issued.access_token)
    for call in (
        job.CreateAPIKey(auth_pb2.CreateAPIKeyRequest(scopes=["models:read"])),
        job.IssueJobToken(request),
        job.ListUsers(auth_pb2.ListUsersRequest()),
    ):
        with pytest.raises(PermissionDenied):
            await call


async def test_a_job_gets_no_permission_that_who_started_it_does_not_have(auth):
    pipeline = auth.pipeline()

    async def scopes(user_id: str) -> set[str]:
        request = auth_pb2.IssueJobTokenRequest(execution_id="e1", step_id="s", permissions=["predictions:read"])
        with acting_for("alpha", user_id):
            issued = await pipeline.IssueJobToken(request)
        return set((await pipeline.ValidateToken(question(issued.access_token))).claims.scopes)

    engineer, viewer = await auth.member("engineer"), await auth.member("viewer")
    assert "predictions:read" in await scopes(engineer.user.id)
    with pytest.raises(PermissionDenied, match="predictions:read"):
        await scopes(viewer.user.id)
    with pytest.raises(PermissionDenied, match="predictions:read"):
        await scopes(new_id())
    assert "predictions:read" in await scopes(""), "what the platform starts itself"


BAD_JOBS = (
    ({"permissions": ["models:write"]}, "permissions[0]"),
    ({"permissions": ["predictions:read"] * 2}, "permissions"),
    ({"execution_id": ""}, "execution_id"),
    ({"step_id": ""}, "step_id"),
    ({"ttl": Duration(seconds=24 * 3_600 + 1)}, "ttl"),
    ({"ttl": Duration()}, "ttl"),
)


async def test_bad_input_of_a_job_names_its_field(auth):
    pipeline = auth.pipeline()
    for changes, field in BAD_JOBS:
        facts = {"execution_id": "e1", "step_id": "s1", "ttl": Duration(seconds=60)}
        with acting_for("alpha"), pytest.raises(InvalidArgument) as refused:
            await pipeline.IssueJobToken(auth_pb2.IssueJobTokenRequest(**(facts | changes)))
        assert [violation.field for violation in refused.value.fields] == [field]
    with pytest.raises(InvalidArgument, match="fp-on-behalf-of-team"):
        await pipeline.IssueJobToken(auth_pb2.IssueJobTokenRequest(**facts))


async def test_only_services_act_for_others(auth):
    admin = await auth.login()
    async with grpc.aio.insecure_channel(auth.address) as channel:
        stub = auth_pb2_grpc.AuthServiceStub(channel)
        metadata = (("authorization", f"Bearer {admin.access_token}"), ("fp-on-behalf-of-team", "beta"))
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.ListUsers(auth_pb2.ListUsersRequest(), metadata=metadata)
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_the_keys_are_public_over_http_and_grpc_and_verify_tokens(auth):
    url = f"{auth.service.http_url}/.well-known/jwks.json"
    response = await asyncio.to_thread(urllib.request.urlopen, url)
    with response:
        published = response.read().decode()
        assert response.headers["cache-control"] == "public, max-age=300"
    answer = await auth.caller().GetJWKS(auth_pb2.GetJWKSRequest())
    assert json.loads(published) == json.loads(answer.jwks_json)
    assert len(json.loads(published)["keys"]) == 2
    assert not any("d" in key for key in json.loads(published)["keys"])
    session = await auth.login()
    principal = await JwtResolver(ISSUER, HttpJwks(url)).resolve(session.access_token)
    assert principal.user_id == session.user.id
