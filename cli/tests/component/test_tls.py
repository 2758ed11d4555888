"""`fp` and real servers: whom it speaks to, and how it names what is wrong with a certificate."""

import json
import os
import ssl
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer

import grpc
import httpx
import pytest
from forgepoint.auth.v1 import auth_pb2, auth_pb2_grpc
from fp_cli import transport, upload
from fp_cli.client import connect
from fp_cli.context import Context
from fp_cli.output import State
from fp_kernel import FailedPrecondition, InvalidArgument, Unavailable
from fp_testkit.certificates import Certificates
from fp_testkit.patience import PATIENCE
from fp_testkit.ports import free_port


class Auth(auth_pb2_grpc.AuthServiceServicer):
    def Login(self, _request, _context):
        answer = auth_pb2.LoginResponse(access_token="token", refresh_token="again")
        answer.user.email = "ada@example.com"
        answer.expires_at.seconds = 4_000_000_000
        return answer

    def GetCurrentUser(self, _request, _context):
        return auth_pb2.GetCurrentUserResponse(claims=auth_pb2.TokenClaims(email="ada@example.com"))


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("FP_API_KEY", "fp_key")


@pytest.fixture
def issued(tmp_path):
    return Certificates(tmp_path / "tls")


@pytest.fixture
def serve():
    """The address of a platform with this certificate; without one it speaks clear text."""
    servers = []

    def start(files=None):
        server = grpc.server(ThreadPoolExecutor(1))
        auth_pb2_grpc.add_AuthServiceServicer_to_server(Auth(), server)
        if files is None:
            port = server.add_insecure_port("127.0.0.1:0")
        else:
            pair = (files.key.read_bytes(), files.certificate.read_bytes())
            port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
        server.start()
        servers.append(server)
        return f"127.0.0.1:{port}"

    yield start
    for server in servers:
        server.stop(None)


def whoami(address, ca_file="", *, insecure=False):
    state = State(address=address, timeout=PATIENCE, ca_file=str(ca_file), insecure=insecure)
    with connect(state) as client:
        stub = auth_pb2_grpc.AuthServiceStub(client.channel)
        return client.call(stub.GetCurrentUser, auth_pb2.GetCurrentUserRequest()).claims.email


@pytest.fixture
def foreign(monkeypatch):
    """As if this machine were another one."""
    monkeypatch.setattr(transport, "is_loopback", lambda _host: False)


def test_it_verifies_the_platform_by_the_given_authority(serve, issued):
    assert whoami(serve(issued.of("edge")), issued.authority) == "ada@example.com"


def test_an_expired_certificate_is_named(serve, issued):
    with pytest.raises(FailedPrecondition, match="has expired") as refused:
        whoami(serve(issued.expired("edge")), issued.authority)
    assert refused.value.reason == "CERTIFICATE_EXPIRED"


def test_a_certificate_of_another_authority_is_named(serve, issued):
    with pytest.raises(FailedPrecondition, match=f"is not of {issued.authority}") as refused:
        whoami(serve(issued.of_stranger("edge")), issued.authority)
    assert refused.value.reason == "CERTIFICATE_UNTRUSTED"


def test_a_certificate_for_another_host_is_named(serve, issued):
    with pytest.raises(FailedPrecondition, match=r"is not for 127\.0\.0\.1") as refused:
        whoami(serve(issued.of("edge", hosts=("platform.example.com",))), issued.authority)
    assert refused.value.reason == "CERTIFICATE_NAME_MISMATCH"


def test_clear_text_is_never_taken_for_tls(serve, issued):
    with pytest.raises(FailedPrecondition, match="speaks clear text") as refused:
        whoami(serve(), issued.authority)
    assert refused.value.reason == "PLAIN_TEXT_REFUSED"


@pytest.mark.usefixtures("foreign")
def test_clear_text_to_another_machine_is_refused_unless_it_is_asked_for_by_name(serve):
    address = serve()
    with pytest.raises(FailedPrecondition, match="speaks clear text") as refused:
        whoami(address)
    assert refused.value.reason == "PLAIN_TEXT_REFUSED"
    assert "--insecure" in refused.value.metadata["next_step"]
    assert whoami(address, insecure=True) == "ada@example.com"


@pytest.mark.usefixtures("foreign")
def test_another_machine_is_verified_by_the_systems_authorities(serve, issued, monkeypatch):
    address = serve(issued.of("edge"))
    with pytest.raises(FailedPrecondition, match="authorities of this system") as refused:
        whoami(address)
    assert refused.value.reason == "CERTIFICATE_UNTRUSTED"
    assert "--ca-file" in refused.value.metadata["next_step"]
    monkeypatch.setenv("SSL_CERT_FILE", str(issued.authority))
    assert whoami(address) == "ada@example.com"


def test_a_platform_of_this_machine_that_speaks_tls_says_what_is_missing(serve, issued):
    with pytest.raises(FailedPrecondition, match="speaks TLS") as refused:
        whoami(serve(issued.of("edge")))
    assert refused.value.reason == "TLS_REQUIRED"
    assert "--ca-file" in refused.value.metadata["next_step"]


def test_where_nothing_listens_no_certificate_is_blamed(issued):
    with pytest.raises(Unavailable, match="nothing answers"):
        whoami(f"127.0.0.1:{free_port()}", issued.authority)


@pytest.mark.parametrize("text", [None, "no certificate"])
def test_a_file_without_certificates_is_named(tmp_path, text):
    file = tmp_path / "wrong.crt"
    if text is not None:
        file.write_text(text)
    with pytest.raises(InvalidArgument, match=r"wrong\.crt"):
        whoami("127.0.0.1:1", file)


def test_the_authority_of_a_context_is_of_its_own_address_only(issued):
    context = Context(address="127.0.0.1:5", ca_file=str(issued.authority))
    assert transport.chosen(State(), context).ca_file == issued.authority
    assert transport.chosen(State(address="127.0.0.1:6"), context).plain


def test_a_login_remembers_the_authority_and_no_insecurity(serve, issued, tmp_path):
    address = serve(issued.of("edge"))
    environment = {**os.environ, "FP_PASSWORD": "secret"}
    del environment["FP_API_KEY"]
    login = ["login", "--email", "ada@example.com", "--address", address, "--ca-file", "tls/ca.crt"]

    def fp(*line):
        command = [sys.executable, "-m", "fp_cli", *line]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert fp(*login).returncode == 0
    said = fp("whoami", "-o", "json")
    assert (json.loads(said.stdout)["email"], said.stderr) == ("ada@example.com", "")


def test_the_command_says_what_is_wrong_in_one_place(serve, issued, tmp_path):
    address = serve(issued.of_stranger("edge"))
    command = [sys.executable, "-m", "fp_cli", "whoami", "--address", address, "--ca-file", str(issued.authority)]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert said.returncode == 6
    assert said.stderr.splitlines()[0].startswith(f"error: the certificate of {address} is not of ")


def test_files_go_to_the_object_store_by_the_same_authority(issued, serve_https):
    address = serve_https(issued.of("seaweedfs"))
    url = f"https://{address}/file"
    state = State(address=address, ca_file=str(issued.authority))
    with connect(state) as client:
        upload._put(url, b"content", client.transport.trusted(url))
    with pytest.raises(Unavailable):
        upload._put(url, b"content")


@pytest.fixture
def serve_https():
    servers = []

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self):
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(httpx.codes.OK)
            self.end_headers()

        def log_message(self, *_):
            """Nobody reads it."""

    def start(files):
        server = HTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files.certificate, files.key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever).start()
        servers.append(server)
        return f"127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
