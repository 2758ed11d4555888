import base64
import dataclasses
import hashlib
from dataclasses import replace

import pytest
from fp_devstack.endpoints import Endpoints
from fp_devstack.ports import Ports
from fp_devstack.secrets_file import Secrets
from fp_devstack.supervisor import environment, names
from fp_devstack.supervisor.catalog import EDGE, SERVICES, front
from fp_devstack.supervisor.environment import Environments
from fp_devstack.supervisor.placeholders import fill
from fp_devstack.tls.local import LocalCertificates
from fp_kernel.errors import InvalidArgument
from fp_supervisor import ProcessSpec
from fp_testkit.wallclock import StandingClock

ENDPOINTS = Endpoints(
    "postgresql://fp_admin:x@127.0.0.1:1/postgres", "nats://n", "redis://r", "http://s", "k", "s", "b"
)
BY_NOUN = {service.noun: service for service in SERVICES}


@pytest.fixture
def environments(tmp_path):
    outer = {"PATH": "/bin", "HOME": "/home/u", "AWS_SECRET_ACCESS_KEY": "mine", "FP_OTEL_ENDPOINT": "http://o"}
    return Environments(tmp_path, Ports(tmp_path / "p"), Secrets(tmp_path / "s"), SERVICES, outer)


def test_nothing_is_inherited_but_the_allow_list(environments):
    built = environments.service(BY_NOUN["registry"], ENDPOINTS, "postgresql://d")

    assert "AWS_SECRET_ACCESS_KEY" not in built
    assert built["PATH"] == "/bin"
    assert built["FP_OTEL_ENDPOINT"] == environments.zygote()["FP_OTEL_ENDPOINT"] == "http://o"
    assert built["TMPDIR"].startswith(str(environments.folder))


def test_a_service_gets_the_stores_it_needs_and_no_other(environments):
    built = environments.service(BY_NOUN["inference"], ENDPOINTS, "")

    assert built["FP_REDIS_URL"] == "redis://r"
    assert "FP_DATABASE_URL" not in built
    assert "FP_S3_SECRET_KEY" not in built


def test_a_service_trusts_the_authorities_of_the_stores_that_speak_tls(environments):
    secure = dataclasses.replace(ENDPOINTS, nats_ca_file="/tls/nats/ca.crt", s3_ca_file="/tls/seaweedfs/ca.crt")
    plain, built = (environments.service(BY_NOUN["auth"], each, "d") for each in (ENDPOINTS, secure))

    assert not {name for name in plain if name.endswith("_CA_FILE")}
    assert (built["FP_NATS_CA_FILE"], built["FP_S3_CA_FILE"]) == ("/tls/nats/ca.crt", "/tls/seaweedfs/ca.crt")
    assert environments.streams(secure)["FP_NATS_CA_FILE"] == "/tls/nats/ca.crt"


def test_a_peer_is_told_the_port_that_the_service_listens_on(environments):
    auth = environments.service(BY_NOUN["auth"], ENDPOINTS, "d")
    registry = environments.service(BY_NOUN["registry"], ENDPOINTS, "d")

    assert registry["FP_AUTH_ADDR"] == f"127.0.0.1:{auth['FP_GRPC_PORT']}"
    assert registry["FP_AUTH_ISSUER"] == f"http://127.0.0.1:{auth['FP_HTTP_PORT']}" == auth["FP_AUTH_ISSUER"]


def test_a_browser_comes_back_to_where_the_gateway_listens(environments):
    auth = environments.service(BY_NOUN["auth"], ENDPOINTS, "d")
    gateway = environments.service(BY_NOUN["gateway"], ENDPOINTS, "d")

    listens = f"http://127.0.0.1:{gateway['FP_GATEWAY_HTTP_PORT']}"
    assert auth["FP_AUTH_PUBLIC_URL"] == gateway["FP_AUTH_PUBLIC_URL"] == listens


def test_auth_knows_the_hash_of_every_credential_and_nothing_more(environments):
    auth = environments.service(BY_NOUN["auth"], ENDPOINTS, "d")
    known = dict(pair.split("=") for pair in auth["FP_AUTH_SERVICE_CREDENTIALS"].split(","))
    secrets = {noun: environments.service(BY_NOUN[noun], ENDPOINTS, "d")["FP_SERVICE_SECRET"] for noun in BY_NOUN} | {
        "serving": environments.runtime("r", {})["FP_SERVICE_SECRET"]
    }

    assert known == {noun: hashlib.sha256(secret.encode()).hexdigest() for noun, secret in secrets.items()}


def test_the_first_admin_can_be_named_from_outside(environments):
    environments.outer["FP_AUTH_BOOTSTRAP_EMAIL"] = "me@example.org"
    auth = environments.service(BY_NOUN["auth"], ENDPOINTS, "d")

    assert auth["FP_AUTH_BOOTSTRAP_EMAIL"] == "me@example.org"
    assert len(auth["FP_AUTH_BOOTSTRAP_PASSWORD"]) >= 12


def test_a_service_gets_the_wishes_that_name_it_unless_the_supervisor_knows_better(environments):
    environments.outer.update(FP_PIPELINE_CAPACITY="4", FP_PIPELINE_JOB_MODULES="mine", FP_SERVING_RUNS="2")
    environments.outer["FP_AUTH_KEY_ENCRYPTION_KEY"] = "weak"
    pipeline = environments.service(BY_NOUN["pipeline"], ENDPOINTS, "d")

    assert (pipeline["FP_PIPELINE_CAPACITY"], pipeline["FP_PIPELINE_JOB_MODULES"]) == ("4", "mine")
    assert "FP_SERVING_RUNS" not in pipeline
    assert environments.runtime("r", {})["FP_SERVING_RUNS"] == "2"
    assert environments.service(BY_NOUN["auth"], ENDPOINTS, "d")["FP_AUTH_KEY_ENCRYPTION_KEY"] != "weak"
    assert "FP_PIPELINE_CAPACITY" not in environments.service(BY_NOUN["registry"], ENDPOINTS, "d")


def test_the_edge_has_the_proof_of_each_service_and_no_credential(environments):
    edge = environments.service(EDGE, ENDPOINTS, "")
    proofs = dict(pair.split("=") for pair in edge["FP_EDGE_PROOFS"].split(","))

    assert proofs == {noun: environments.service(BY_NOUN[noun], ENDPOINTS, "d")["FP_EDGE_PROOF"] for noun in EDGE.peers}
    assert len(set(proofs.values())) == len(BY_NOUN)
    assert "FP_SERVICE_SECRET" not in edge
    assert "FP_GRPC_PORT" not in edge


def test_with_an_edge_everybody_comes_to_it(environments, tmp_path):
    with_edge = replace(environments, services=(*SERVICES, EDGE))
    edge = with_edge.service(EDGE, ENDPOINTS, "")
    address = f"127.0.0.1:{edge['FP_EDGE_PORT']}"

    assert with_edge.job({})["FP_GATEWAY_ADDR"] == address
    assert with_edge.service(BY_NOUN["auth"], ENDPOINTS, "d")["FP_AUTH_PUBLIC_URL"] == f"http://{address}"
    assert (front(with_edge.services).grpc, front(SERVICES).grpc) == ("edge.public", "gateway.grpc")


def test_a_job_gets_neither_store_nor_service_secret(environments):
    built = environments.job({"FP_JOB_TOKEN": "t", "OMP_NUM_THREADS": "1", "FP_GATEWAY_ADDR": "elsewhere:1"})

    assert {name for name in built if name.startswith("FP_")} == {
        "FP_JOB_TOKEN",
        "FP_GATEWAY_ADDR",
        "FP_ENV",
        "FP_OTEL_ENDPOINT",
    }
    assert built["FP_GATEWAY_ADDR"] == environments.address("gateway")


def test_a_spec_cannot_take_what_only_the_supervisor_knows(environments):
    wanted = {"FP_AUTH_ISSUER": "http://evil", "FP_SERVING_TEAM": "t"}
    built = environments.runtime("r", wanted)

    assert built["FP_AUTH_ISSUER"] != "http://evil"
    assert built["FP_SERVING_TEAM"] == "t"


@pytest.mark.parametrize("name", ["LD_PRELOAD", "PYTHONPATH", "PATH", "fp_x", "FP_", "FP_X=Y"])
def test_a_spec_may_not_name_what_changes_an_interpreter(name):
    with pytest.raises(InvalidArgument) as caught:
        environment.check({name: "x"})

    assert caught.value.fields[0].field == f"environment.{name}"


@pytest.mark.parametrize("name", ["", "../x", ".x", "a b", "a" * 161, "a\n"])
def test_a_name_that_is_no_name_is_refused(name):
    with pytest.raises(InvalidArgument) as caught:
        names.check(name, ProcessSpec("m"))

    assert caught.value.fields[0].field == "name"


@pytest.mark.parametrize("module", ["", "a-b", "os;x", "a..b", "a.", "1a"])
def test_a_module_that_is_no_name_is_refused(module):
    with pytest.raises(InvalidArgument) as caught:
        names.check("n", ProcessSpec(module))

    assert caught.value.fields[0].field == "module"


def test_a_name_becomes_one_file():
    assert "/" not in names.file_name("exec/step/1")


def test_a_service_gets_what_only_the_supervisor_knows(environments):
    built = {noun: environments.service(BY_NOUN[noun], ENDPOINTS, "d") for noun in BY_NOUN}

    assert built["inference"]["FP_SPOOL_DIR"] == str(environments.folder / "spool" / "inference")
    assert built["pipeline"]["FP_SUPERVISOR_SOCKET"] == str(environments.folder / "supervisor.sock")
    assert built["gateway"]["FP_GATEWAY_HTTP_PORT"] == environments.address("gateway", "public").rpartition(":")[2]
    assert len(base64.b64decode(built["notification"]["FP_NOTIFICATION_SIGNING_KEY"])) == 32
    assert environments.runtime("r", {})["FP_SERVING_CACHE_DIR"] == str(environments.folder / "cache" / "serving")


def test_an_empty_wish_for_the_first_admin_is_none(environments):
    environments.outer["FP_AUTH_BOOTSTRAP_PASSWORD"] = ""

    assert environments.login()["password"]


def test_a_placeholder_that_nobody_fills_is_a_mistake_of_the_file():
    with pytest.raises(KeyError, match="colour"):
        fill({"FP_X": "{colour}"}, {})


def test_with_certificates_each_program_gets_its_own_and_addresses_are_https(environments, tmp_path):
    certificates = LocalCertificates(tmp_path, (), StandingClock())
    secure = dataclasses.replace(environments, certificates=certificates)
    auth = secure.service(BY_NOUN["auth"], ENDPOINTS, "d")
    registry = secure.service(BY_NOUN["registry"], ENDPOINTS, "d")
    runtime = secure.runtime("r", {"FP_TLS_KEY_FILE": "/mine"})

    assert registry["FP_TLS_CERT_FILE"] == f"{tmp_path}/tls/registry/tls.crt"
    assert runtime["FP_TLS_KEY_FILE"] == f"{tmp_path}/tls/serving/tls.key"
    assert registry["FP_AUTH_ISSUER"] == f"https://127.0.0.1:{auth['FP_HTTPS_PORT']}" == auth["FP_AUTH_ISSUER"]
    assert auth["FP_AUTH_PUBLIC_URL"].startswith("https://")
    assert not [name for name in environments.service(BY_NOUN["registry"], ENDPOINTS, "d") if "TLS" in name]


def test_a_job_trusts_the_authority_and_has_no_certificate(environments, tmp_path):
    secure = dataclasses.replace(environments, certificates=LocalCertificates(tmp_path, (), StandingClock()))
    job = secure.job({})

    assert job["FP_CA_FILE"] == f"{tmp_path}/tls/ca.crt"
    assert not [name for name in job if "TLS" in name]


def test_what_the_zygote_forks_has_one_arena_for_all_its_threads(environments):
    assert environments.zygote()["MALLOC_ARENA_MAX"] == "1"


def test_onnx_runtime_tells_its_maker_nothing_whoever_loads_it(environments):
    assert environments.base()["ORT_DISABLE_TELEMETRY"] == environments.zygote()["ORT_DISABLE_TELEMETRY"] == "1"
