"""Secrets through gRPC: which permission each verb asks for, who gets values, and what stays behind."""

import secrets
from base64 import b64encode

import pytest
from auth_written import streams, tables
from forgepoint.auth.v1 import auth_pb2, secret_pb2, secret_pb2_grpc
from fp_kernel import InvalidArgument, NotFound, PermissionDenied
from fp_rpc import BearerToken, Channels, ServiceCredential, acting_for
from fp_testkit.patience import PATIENCE

SERVICE_SECRET = "the-pipeline-shows-this-secret"


@pytest.fixture
async def store(auth, stack):
    """`store(credential)`: the secrets as the holder of a token or key sees them, or a service."""

    def connect(credential):
        channels = Channels(BearerToken(credential) if isinstance(credential, str) else credential)
        stack.push_async_callback(channels.close)
        channel = channels.open(auth.address, timeout=PATIENCE, passing=(InvalidArgument, NotFound, PermissionDenied))
        return secret_pb2_grpc.SecretServiceStub(channel)

    return connect


@pytest.fixture
async def service(auth, stack, store):
    """`service(noun)`: the secrets as that service sees them."""

    def connect(noun):
        credential = ServiceCredential(noun, SERVICE_SECRET, auth.address)
        stack.push_async_callback(credential.close)
        return store(credential)

    return connect


def put(value=b"v", name="db", **more):
    return secret_pb2.SetSecretRequest(name=name, value=value, **more)


def verbs():
    """What each asks for, by name."""
    return {
        "SetSecret": ("secrets:write", put()),
        "ListSecrets": ("secrets:read", secret_pb2.ListSecretsRequest()),
        "ListSecretVersions": ("secrets:read", secret_pb2.ListSecretVersionsRequest(name="db")),
        "DisableSecretVersion": ("secrets:write", secret_pb2.DisableSecretVersionRequest(name="db", version=1)),
        "EnableSecretVersion": ("secrets:write", secret_pb2.EnableSecretVersionRequest(name="db", version=1)),
        "DestroySecretVersion": ("secrets:admin", secret_pb2.DestroySecretVersionRequest(name="db", version=1)),
        "DeleteSecret": ("secrets:admin", secret_pb2.DeleteSecretRequest(name="db")),
        "RewrapSecrets": ("platform:admin", secret_pb2.RewrapSecretsRequest()),
    }


async def test_each_verb_asks_for_its_permission_and_no_person_gets_values(auth, store):
    operator = await auth.login()
    for scope in ("secrets:read", "secrets:write", "secrets:admin", "models:read", "platform:admin"):
        made = await auth.caller(operator.access_token).CreateAPIKey(auth_pb2.CreateAPIKeyRequest(scopes=[scope]))
        holder = store(made.raw_key)
        for name, (permission, request) in verbs().items():
            if permission == scope:
                continue
            with pytest.raises(PermissionDenied):
                await getattr(holder, name)(request)
    for credential in (operator.access_token, (await auth.member("engineer")).token):
        with pytest.raises(PermissionDenied):
            await store(credential).ResolveSecrets(secret_pb2.ResolveSecretsRequest(references=["secret://db"]))


async def test_an_engineer_stores_secrets_and_a_viewer_does_not_see_them(auth, store):
    engineer, viewer = store((await auth.member("engineer")).token), store((await auth.member("viewer")).token)
    assert (await engineer.SetSecret(put())).version.version == 1
    with pytest.raises(PermissionDenied):
        await viewer.ListSecrets(secret_pb2.ListSecretsRequest())
    with pytest.raises(PermissionDenied):
        await engineer.DeleteSecret(secret_pb2.DeleteSecretRequest(name="db"))


async def test_pipeline_gets_the_values_of_the_team_for_which_it_acts(auth, store, service):
    await store((await auth.member("admin")).token).SetSecret(put(b"ours"))
    request = secret_pb2.ResolveSecretsRequest(references=["secret://db"], resource_id="e1")
    pipeline = service("pipeline")
    with acting_for("alpha"):
        assert list((await pipeline.ResolveSecrets(request)).values) == [b"ours"]
    with acting_for("beta"), pytest.raises(NotFound):
        await pipeline.ResolveSecrets(request)
    with acting_for("alpha"), pytest.raises(PermissionDenied):
        await service("gateway").ResolveSecrets(request)


async def test_a_position_of_another_form_is_refused(auth, store):
    admin = store((await auth.member("admin")).token)
    await admin.SetSecret(put())
    for wrong in ("x", b64encode(b'["a","\\u0000"]').decode()):
        asked = secret_pb2.ListSecretsRequest()
        asked.pagination.page_token = wrong
        with pytest.raises(InvalidArgument):
            await admin.ListSecrets(asked)


async def test_a_value_is_in_no_table_stream_or_log_whatever_is_done_with_it(
    auth, store, service, settings, nats_look_url, capfd, caplog
):
    marked = f"marked-{secrets.token_hex(16)}"
    admin, pipeline = store((await auth.member("admin")).token), service("pipeline")
    await admin.SetSecret(put(marked.encode(), idempotency_key="once"))
    await admin.SetSecret(put(marked.encode(), idempotency_key="once"))
    with pytest.raises(InvalidArgument):
        await admin.SetSecret(put(marked.encode(), name="not a name"))
    with pytest.raises(PermissionDenied):
        await store((await auth.member("viewer")).token).SetSecret(put(marked.encode()))
    with acting_for("alpha"):
        answer = await pipeline.ResolveSecrets(secret_pb2.ResolveSecretsRequest(references=["secret://db"]))
        assert answer.values[0] == marked.encode()
    shown = str(await admin.ListSecrets(secret_pb2.ListSecretsRequest()))
    shown += str(await admin.ListSecretVersions(secret_pb2.ListSecretVersionsRequest(name="db")))
    stored = await tables(settings.database_url.get_secret_value())
    assert b"SetSecret" in stored, "the log of commands was looked at"
    await auth.service.stop()
    sent = await streams(nats_look_url)
    assert b"SecretService/SetSecret" in sent, "the audit stream was looked at"
    said = "".join(capfd.readouterr()) + caplog.text
    for form in (marked.encode(), marked.encode().hex().encode(), b64encode(marked.encode())[:-4]):
        for place in (stored, sent, said.encode(), shown.encode()):
            assert form not in place
