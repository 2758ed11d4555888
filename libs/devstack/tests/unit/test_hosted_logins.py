"""The secrets of an installation: who gets what, and that nothing changes between two calls."""

import json
import subprocess

import pytest
from fp_devstack import programs
from fp_devstack.hosted import logins
from fp_devstack.hosted.log import LogFollower


@pytest.fixture
def secrets(tmp_path):
    """Data by the name of the secret."""

    def of(**options):
        return {each["metadata"]["name"]: each["stringData"] for each in logins.manifests(tmp_path, "fp-", **options)}

    return of


def test_a_second_call_gives_the_same(secrets):
    assert secrets() == secrets()


def test_a_store_knows_the_passwords_of_its_own_users_alone(secrets):
    known = json.loads(secrets()["fp-valkey"]["secrets.json"])

    assert sorted(known) == ["valkey.featurestore", "valkey.inference", "valkey.password", "valkey.registry"]


def test_what_a_service_gets_is_what_the_store_knows(secrets):
    found = secrets()
    password = json.loads(found["fp-postgres"]["secrets.json"])["database.billing"]

    assert found["fp-billing"]["FP_DATABASE_URL"] == f"postgresql://fp_billing:{password}@postgres:5432/fp_billing"


def test_no_two_services_share_a_secret(secrets):
    found = secrets()
    alike = {"FP_S3_ACCESS_KEY"}
    values = [value for name, data in found.items() for key, value in data.items() if key not in alike]

    assert len(values) == len(set(values))


def test_stores_of_somebody_else_are_left_to_him(secrets):
    found = secrets(external=True)

    assert not {"fp-postgres", "fp-nats", "fp-valkey", "fp-s3", "fp-operator"} & set(found)
    assert sorted(found["fp-billing"]) == ["FP_EDGE_PROOF", "FP_SERVICE_SECRET"]


def test_a_program_in_a_namespace_of_its_own_gets_what_all_of_them_got(secrets):
    assert secrets(program="serving") == {"fp-serving": secrets()["fp-serving"]}


def test_a_log_is_followed_from_where_it_ended_and_over_its_emptying(tmp_path, capfdbinary):
    log = tmp_path / "store.log"
    log.write_text("before\n")
    with LogFollower(log) as follower:
        with log.open("a") as file:
            file.write("while it ran, for long\n")
        follower.copy()
        log.write_text("emptied\n")

    assert capfdbinary.readouterr().out == b"while it ran, for long\nemptied\n"


def test_operators_get_the_logins_that_services_have(secrets):
    found = secrets(operators=True)
    login = found["fp-postgres-billing"]

    assert found["fp-billing"]["FP_DATABASE_URL"].startswith(f"postgresql://{login['username']}:{login['password']}@")
    assert not [name for name in secrets() if name.startswith("fp-postgres-") or name == "fp-nats-users"]


def test_the_users_of_nats_are_a_configuration_that_the_server_takes(secrets, tmp_path):
    (tmp_path / "users.conf").write_text(secrets(operators=True)["fp-nats-users"]["users.conf"])
    (tmp_path / "nats.conf").write_text("include users.conf;\nmax_payload: 8MB\njetstream { store_dir: data }\n")

    done = subprocess.run(
        [programs.nats_server(), "-t", "-c", "nats.conf"], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert secrets()["fp-billing"]["FP_NATS_URL"].split(":")[2].split("@")[0] in (tmp_path / "users.conf").read_text()
