"""A login is renewed at the platform that gave it, in the context with which the command began."""

from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from forgepoint.auth.v1 import auth_pb2, auth_pb2_grpc
from fp_cli import context as contexts
from fp_cli.client import connect
from fp_cli.context import Context
from fp_cli.output import State
from fp_kernel import Unauthenticated
from fp_testkit.patience import PATIENCE

STALE = {"email": "ada@example.com", "expires_at": 1.0}


class Platform(auth_pb2_grpc.AuthServiceServicer):
    """Renews what it is given, and notes it."""

    def __init__(self):
        self.renewed, self.credentials = [], []

    def RefreshToken(self, request, _context):
        self.renewed.append(request.refresh_token)
        answer = auth_pb2.RefreshTokenResponse(access_token="fresh", refresh_token="next")
        answer.user.email = "ada@example.com"
        answer.expires_at.seconds = 4_000_000_000
        return answer

    def GetCurrentUser(self, _request, context):
        self.credentials.append(dict(context.invocation_metadata())["authorization"])
        return auth_pb2.GetCurrentUserResponse()


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("FP_API_KEY", raising=False)


@pytest.fixture
def serve():
    servers = []

    def start():
        server, platform = grpc.server(ThreadPoolExecutor(1)), Platform()
        auth_pb2_grpc.add_AuthServiceServicer_to_server(platform, server)
        platform.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        server.start()
        servers.append(server)
        return platform

    yield start
    for server in servers:
        server.stop(None)


def whoami(client):
    stub = auth_pb2_grpc.AuthServiceStub(client.channel)
    client.call(stub.GetCurrentUser, auth_pb2.GetCurrentUserRequest())


def save(name, address, **changes):
    with contexts.locked():
        contexts.save(Context(address, access_token=f"old {name}", refresh_token=f"of {name}", **STALE | changes), name)


def test_a_command_goes_on_with_its_context_when_another_one_becomes_the_current_one(serve):
    platform = serve()
    save("laptop", platform.address)
    save("production", "192.0.2.1:9", expires_at=4_000_000_000.0)
    contexts.use("laptop")

    with connect(State(timeout=PATIENCE)) as client:
        contexts.use("production")
        whoami(client)

    assert (platform.renewed, platform.credentials) == (["of laptop"], ["Bearer fresh"])
    assert contexts.load("laptop").refresh_token == "next"
    assert contexts.load("production").refresh_token == "of production"


def test_a_refresh_token_is_for_the_platform_that_gave_it(serve):
    own, other = serve(), serve()
    save("laptop", own.address)

    with connect(State(address=other.address, timeout=PATIENCE)) as client:
        whoami(client)

    assert other.renewed == []
    assert contexts.load("laptop").refresh_token == "of laptop"


def test_a_login_elsewhere_while_a_command_runs_is_not_renewed_by_it(serve):
    platform = serve()
    save("laptop", platform.address)

    with connect(State(timeout=PATIENCE)) as client:
        save("laptop", "192.0.2.1:9")
        with pytest.raises(Unauthenticated, match="another platform"):
            whoami(client)

    assert platform.renewed == []
