"""The platform as it is installed: it becomes ready, answers by its edge, and keeps strangers from its stores."""

import json

import chart_facts
import httpx
import pytest
from fp_testkit.http import NO_TLS
from installation import EDGE
from layout import ROOT
from pods import knocking

PLATFORM = json.loads((ROOT / chart_facts.FILE).read_text())
STORES = json.loads((ROOT / "deploy" / "charts" / "stores" / "stores.json").read_text())["stores"]
RESIDENT = [noun for noun, program in PLATFORM["programs"].items() if program["resident"]]
PROGRAM = "forgepoint.io/program"


def test_every_pod_is_ready(installation):
    """A machine that does much beside may start one again whose store has not answered in its time."""
    found = {
        pod["metadata"]["labels"].get(PROGRAM) or pod["metadata"]["labels"]["forgepoint.io/store"]: [
            status["ready"] for status in pod["status"]["containerStatuses"]
        ]
        for pod in installation.pods()
    }

    assert found == {name: [True] for name in (*RESIDENT, *STORES)}


def test_helm_asks_the_platform_from_inside(installation):
    """Also for a prediction: a model of its own is deployed, asked and taken away."""
    said = installation.helm("test", "forgepoint", "--logs", "--timeout=900s")

    assert "Phase:          Succeeded" in said
    assert "was deployed and has answered" in said


@pytest.fixture(scope="module")
def admin(installation):
    """A client of the edge, from outside of the cluster, who is logged in."""
    with httpx.Client(base_url=EDGE, timeout=60, verify=NO_TLS) as client:
        login = {"email": "admin@forgepoint.local", "password": installation.password()}
        answer = client.post("/api/v1/login", json=login)
        assert answer.status_code == 200, answer.text
        client.headers["authorization"] = f"Bearer {answer.json()['accessToken']}"
        yield client


def test_who_is_logged_in_reaches_a_service_from_outside_by_the_edge(admin):
    answer = admin.get("/api/v1/models")

    assert answer.status_code == 200, answer.text


def test_who_is_not_is_refused(installation):
    assert httpx.get(f"{EDGE}/api/v1/models", timeout=60, verify=NO_TLS).status_code == 401


def test_a_second_upgrade_changes_nothing(installation):
    before = installation.generations()

    installation.upgrade()

    assert installation.generations() == before


def test_what_is_missing_is_named_in_one_run_before_anything_is_changed(installation):
    """A key of a secret, and a login that is refused."""
    before = installation.generations()
    installation.patch_secret("forgepoint-inference", lambda values: values.pop("FP_REDIS_URL"))
    wrong = {"FP_NATS_URL": "nats://billing:wrong@nats:4222"}
    installation.patch_secret("forgepoint-billing", lambda values: values.update(wrong))
    try:
        with pytest.raises(AssertionError):
            installation.upgrade("--set", "hooks.preflight.patienceSeconds=0")
        said = installation.kubectl("logs", "job/preflight")
    finally:
        installation.apply_secrets()

    print(said)
    assert "inference: the secret forgepoint-inference lacks FP_REDIS_URL" in said
    assert [line for line in said.splitlines() if line.startswith("billing: nats at nats:4222: ")]
    assert installation.generations() == before
    assert not [name for name in installation.jobs() if name.endswith("-migrate")]
    installation.upgrade()


@pytest.fixture(scope="module")
def planted(installation):
    """A pod with the label of each program, and one of nobody's, beside the real ones; addresses of the stores."""
    pods = [
        knocking(f"planted-{noun}", {"app.kubernetes.io/part-of": "forgepoint", PROGRAM: noun}, [1024])
        for noun in (*PLATFORM["programs"], "stranger")
    ]
    for each in pods:
        each["metadata"]["namespace"] = installation.namespace
    installation.cluster.apply(pods)
    names = [f"pod/{each['metadata']['name']}" for each in pods]
    installation.kubectl("wait", "--for=condition=Ready", *names, "--timeout=300s")
    yield {
        f"{address}:{STORES[store]['port']}": store
        for store, address in installation.cluster.addresses(installation.namespace, "forgepoint.io/store").items()
    }
    installation.kubectl("delete", *names)


@pytest.mark.parametrize("noun", [*PLATFORM["programs"], "stranger"])
def test_a_program_reaches_the_stores_that_it_uses_and_no_other(installation, planted, noun):
    used = PLATFORM["programs"].get(noun, {"stores": []})["stores"]
    wanted = {target for target, store in planted.items() if store in used}

    assert installation.cluster.reached(installation.namespace, f"planted-{noun}", list(planted), wanted) == wanted
