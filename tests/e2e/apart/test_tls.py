"""A platform that `fp up --tls` started: everything of it speaks TLS, and who should verify does."""

import asyncio
import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
import pytest_asyncio
from command_line import within
from forgepoint.auth.v1 import auth_pb2, auth_pb2_grpc
from fp_devstack.tls.folder import CertificateFiles
from fp_devstack.tls.local import LOOPBACK, LocalCertificates, Wanted, this_machine
from fp_kernel import PermissionDenied, Unavailable
from fp_rpc import BearerToken, Channels
from fp_rpc.tls.certificates import Certificates
from fp_rpc.tls.trust import Trust, https_context, roots
from fp_supervisor import SupervisorClient
from fp_supervisor.launch import SOCKET
from fp_testkit.certificates import Certificates as OtherCertificates
from fp_testkit.patience import PATIENCE
from fp_testkit.wallclock import StandingClock, real_now
from grpc_health.v1 import health_pb2, health_pb2_grpc
from platform_client import UP, Client, Platform, deploy_linear, fp, predict_linear

CHECK = health_pb2.HealthCheckRequest()
FRONT = {"gateway", "edge"}
CLIENT = """
import sys, grpc
from forgepoint.auth.v1 import auth_pb2, auth_pb2_grpc
address, ca_file, email, password = sys.argv[1:]
with grpc.secure_channel(address, grpc.ssl_channel_credentials(open(ca_file, "rb").read())) as channel:
    login = auth_pb2_grpc.AuthServiceStub(channel).Login(auth_pb2.LoginRequest(email=email, password=password))
    print(login.user.email)
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def secure(home, tmp_path_factory):
    folder = tmp_path_factory.mktemp("secure") / "data"
    started = fp(*UP, "--tls", "--public", "--data", str(folder), home=home)
    try:
        assert started.returncode == 0, started.stderr
        yield Platform(folder, asyncio.run(SupervisorClient(folder / SOCKET).access()))
    finally:
        fp("down", "--data", str(folder), home=home)


def test_the_start_names_the_stores_that_speak_clear_text(home, secure):
    """It runs already, and the command says the same again."""
    told = within("up", "--tls", "--data", str(secure.folder), home=home)
    facts = json.loads(within("-o", "json", "up", "--tls", "--data", str(secure.folder), home=home).stdout)

    assert "in clear text, on 127.0.0.1 alone, built without TLS: postgres, valkey" in told.stdout + told.stderr
    assert facts["plain_stores"] == ["postgres", "valkey"]


@pytest_asyncio.fixture
async def connect(secure):
    opened = []

    def client(token=None):
        opened.append(Channels(BearerToken(token) if token else None, certificates=Trust(Path(secure.access.ca_file))))
        channel = opened[-1].open(secure.access.address, timeout=PATIENCE)
        return Client(channel, https_context(Path(secure.access.ca_file)))

    yield client
    for channels in opened:
        await channels.close()


@pytest_asyncio.fixture
async def admin(secure, connect):
    return connect(await connect().login(secure.access.email, secure.access.password))


def certificate_of(secure, noun):
    files = CertificateFiles(secure.folder / "tls" / noun)
    return Certificates(files.certificate, files.key, files.authority)


def test_the_command_remembers_the_authority_and_verifies(secure, home):
    login = within("login", "--email", secure.access.email, home=home, env={"FP_PASSWORD": secure.access.password})
    assert login.returncode == 0, login.stderr
    said = within("whoami", "-o", "json", home=home)
    assert json.loads(said.stdout)["email"] == secure.access.email


def test_the_command_refuses_the_platform_of_another_authority(secure, home, tmp_path):
    other = OtherCertificates(tmp_path)
    said = within("whoami", "--ca-file", str(other.authority), home=home)
    assert (said.returncode, "is not of" in said.stderr) == (6, True), said.stderr


def test_the_bus_and_the_object_store_speak_tls_and_operators_verify(secure, home):
    said = within("events", "dlq", "list", home=home)
    assert said.returncode == 0, said.stderr
    port = int(secure.access.nats_url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as bus:
        assert b'"tls_required":true' in bus.recv(4096)


def test_a_client_of_grpc_alone_verifies(secure):
    access = secure.access
    command = [sys.executable, "-c", CLIENT, access.address, access.ca_file, access.email, access.password]
    said = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert said.stdout == f"{access.email}\n", said.stderr


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not on this machine")
def test_curl_verifies_and_refuses_what_it_does_not_trust(secure):
    url = f"{secure.http}/healthz"
    command = [
        "curl",
        "--silent",
        "--noproxy",
        "*",
        "--output",
        "/dev/null",
        "--write-out",
        "%{ssl_verify_result}",
        url,
    ]
    trusted = subprocess.run([*command, "--cacert", secure.access.ca_file], capture_output=True, text=True, check=False)
    assert (trusted.returncode, trusted.stdout) == (0, "0")
    assert subprocess.run(command, capture_output=True, check=False).returncode == 60


async def test_a_model_is_deployed_and_answers(admin):
    await deploy_linear(admin)
    assert await predict_linear(admin) == 6.0


async def test_calls_go_on_while_every_certificate_is_replaced(secure, admin):
    await deploy_linear(admin, "renewed")
    await predict_linear(admin, "renewed")
    nouns = [folder.name for folder in (secure.folder / "tls").iterdir() if (folder / "tls.key").exists()]
    hosts = {**dict.fromkeys(FRONT, this_machine()), **dict.fromkeys(("nats", "seaweedfs"), LOOPBACK)}
    wanted = [Wanted(noun, hosts.get(noun, ())) for noun in nouns]
    done = asyncio.Event()

    async def calls():
        count = 0
        while not done.is_set():
            assert await predict_linear(admin, "renewed") == 6.0
            count += 1
        return count

    async with asyncio.TaskGroup() as group:
        answered = group.create_task(calls())
        for noun in nouns:
            (secure.folder / "tls" / noun / "tls.crt").unlink()
        assert sorted(LocalCertificates(secure.folder, wanted, StandingClock(real_now())).renew()) == sorted(nouns)
        # Services look once a second; afterwards their connections are made with the new files.
        await asyncio.sleep(3)
        done.set()
    assert answered.result() > 0


async def test_no_port_inside_takes_clear_text_or_a_stranger(secure, admin):
    await deploy_linear(admin)
    status = await secure.supervisor.status(memory=False)
    served = [each for each in status.processes if each.kind in {"service", "runtime"}]
    inner = {each.name: each.addresses["grpc"] for each in served if each.name not in FRONT}
    assert len(inner) >= 10
    credentials = grpc.ssl_channel_credentials(roots(Path(secure.access.ca_file)))
    for name, address in inner.items():
        noun = name if (secure.folder / "tls" / name).is_dir() else "serving"
        named = [("grpc.ssl_target_name_override", noun)]
        for channel in (
            grpc.aio.insecure_channel(address),
            grpc.aio.secure_channel(address, credentials, options=named),
        ):
            async with channel:
                with pytest.raises(grpc.aio.AioRpcError) as refused:
                    await health_pb2_grpc.HealthStub(channel).Check(CHECK, timeout=PATIENCE)
                assert refused.value.code() is grpc.StatusCode.UNAVAILABLE, name


async def test_a_stolen_secret_is_worth_nothing_to_another_service(secure):
    secret = json.loads(next(secure.folder.glob("secrets*")).read_text())["service.registry"]
    status = await secure.supervisor.status(memory=False)
    auth = next(each.addresses["grpc"] for each in status.processes if each.name == "auth")
    request = auth_pb2.ExchangeServiceTokenRequest(service="registry", secret=secret)
    for noun, refused in (("notification", True), ("registry", False)):
        channels = Channels(None, certificates=certificate_of(secure, noun))
        stub = auth_pb2_grpc.AuthServiceStub(channels.open(auth, peer="auth", timeout=PATIENCE))
        if refused:
            with pytest.raises(PermissionDenied) as error:
                await stub.ExchangeServiceToken(request)
            assert error.value.reason == "CERTIFICATE_MISMATCH"
        else:
            assert (await stub.ExchangeServiceToken(request)).access_token
        await channels.close()


def test_it_listens_on_every_address_and_nothing_else_does(secure):
    """Another address of the loopback: where only 127.0.0.1 is listened on, it is refused."""
    status = asyncio.run(secure.supervisor.status(memory=False))
    ports = {
        f"{each.name}.{kind}": int(address.rpartition(":")[2])
        for each in status.processes
        if each.kind == "service"
        for kind, address in each.addresses.items()
    }
    assert {name for name, port in ports.items() if listens(port)} == {"edge.public"}


def listens(port):
    try:
        socket.create_connection(("127.0.0.2", port), timeout=PATIENCE).close()
    except ConnectionRefusedError:
        return False
    return True


async def test_a_service_is_no_other_service_to_its_clients(secure):
    status = await secure.supervisor.status(memory=False)
    notification = next(each.addresses["grpc"] for each in status.processes if each.name == "notification")
    channels = Channels(None, certificates=certificate_of(secure, "registry"))
    stub = health_pb2_grpc.HealthStub(channels.open(notification, peer="auth", timeout=PATIENCE))
    with pytest.raises(Unavailable):
        await stub.Check(CHECK)
    await channels.close()
