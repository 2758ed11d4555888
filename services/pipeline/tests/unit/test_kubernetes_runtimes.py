"""What a version becomes; a real cluster shows what becomes of that."""

from dataclasses import replace

import pytest
from fp_pipeline.adapters.kubernetes import names
from fp_pipeline.adapters.kubernetes.runtimes import KubernetesRuntimes
from fp_pipeline.adapters.kubernetes.workloads import Workload
from fp_pipeline.app.peers import RuntimeSpec
from fp_pipeline.domain.replicas import Replicas
from pipeline_fakes.api_server import FakeApiServer

SPEC = RuntimeSpec("risk", "id-of-3", "flight delay", "3")
OWN = "m-41fd5399e5-v3"
POD = {"metadata": {"labels": {"forgepoint.io/program": "serving"}}, "spec": {"containers": [{"name": "serving"}]}}
DEPLOYMENT = f"/apis/apps/v1/namespaces/fp-runtimes/deployments/{OWN}"
SCALER = f"/apis/autoscaling/v2/namespaces/fp-runtimes/horizontalpodautoscalers/{OWN}"


@pytest.fixture
def server():
    return FakeApiServer()


@pytest.fixture
def runtimes(server):
    return KubernetesRuntimes(server.cluster("fp-runtimes"), Workload("fp-runtimes", POD))


def test_names_are_for_ever():
    assert names.runtime(SPEC) == OWN
    assert names.job("job-0123-1-train") == "j-a9c197e44c61a905031cdf80b79dcfd9"


@pytest.mark.parametrize("version", ["1.2", "a" * 80, "9" * 40, "Ä", ""])
def test_a_version_that_is_no_number_has_a_name_that_an_object_can_have(version):
    own = names.runtime(replace(SPEC, version=version))

    assert len(own) <= 40
    assert own.replace("-", "").isalnum()
    assert own == own.lower()
    assert own.isascii()


@pytest.mark.parametrize("team", ["risk", "Ärzte & Co", "a" * 100, "-a-", "…"])
def test_every_text_has_a_label(team):
    made = names.label(team)

    assert 0 < len(made) <= 63
    assert made[0].isalnum()
    assert made[-1].isalnum()
    assert made.isascii()
    assert made != names.label(f"{team}.")


async def test_a_version_says_whose_it_is(server, runtimes):
    address = await runtimes.start("runtime-1", SPEC)

    deployment = server.objects[DEPLOYMENT]
    pod = deployment["spec"]["template"]
    assert address == f"dns:///{OWN}.fp-runtimes:9090"
    assert (
        deployment["metadata"]["labels"].items()
        >= {
            "forgepoint.io/team": "risk",
            "forgepoint.io/model": names.label("flight delay"),
            "forgepoint.io/version": "3",
        }.items()
    )
    assert {each["name"]: each["value"] for each in pod["spec"]["containers"][0]["env"]} == {
        "FP_SERVING_TEAM": "risk",
        "FP_SERVING_VERSION_ID": "id-of-3",
        "FP_SERVING_MODEL_NAME": "flight delay",
    }
    # Another execution that takes it over must not start its pods anew.
    assert "runtime-1" not in str(pod)
    assert names.known_as("runtime-1").items().isdisjoint(pod["metadata"]["labels"].items())


async def test_an_autoscaler_comes_and_goes_with_the_room_that_it_has(server, runtimes):
    await runtimes.start("runtime-1", replace(SPEC, replicas=Replicas(2, 5, 60)))
    assert server.objects[DEPLOYMENT]["spec"]["replicas"] == 2
    assert server.objects[SCALER]["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] == 60

    await runtimes.start("runtime-1", replace(SPEC, replicas=Replicas(2, 2)))

    assert server.objects[DEPLOYMENT]["spec"]["replicas"] == 2
    assert SCALER not in server.objects


@pytest.mark.parametrize(
    ("there", "asked", "applied"), [(4, (2, 5), 4), (4, (2, 3), 3), (1, (2, 5), 2), (4, (1, 1), 1)]
)
async def test_what_an_autoscaler_decided_stays_within_what_is_asked_for(server, runtimes, there, asked, applied):
    """A number that is applied once and then left out would become 1, and pods that answer would end."""
    await runtimes.start("runtime-1", replace(SPEC, replicas=Replicas(1, 9)))
    server.objects[DEPLOYMENT]["spec"]["replicas"] = there

    await runtimes.start("runtime-1", replace(SPEC, replicas=Replicas(*asked)))

    assert server.objects[DEPLOYMENT]["spec"]["replicas"] == applied


@pytest.mark.parametrize(
    ("status", "enough"),
    [
        ({"readyReplicas": 3, "replicas": 3}, True),
        ({"readyReplicas": 2, "replicas": 3}, False),
        ({"readyReplicas": 5, "replicas": 6}, False),
        ({"replicas": 3}, False),
        (None, False),
    ],
)
async def test_a_change_is_followed_when_so_many_pods_are_ready_and_no_more_are_there(server, runtimes, status, enough):
    await runtimes.start("runtime-1", replace(SPEC, replicas=Replicas(3, 5)))
    server.objects[DEPLOYMENT]["status"] = status or {}

    assert await runtimes.trim("runtime-1", Replicas(3, 5)) is enough


def test_a_file_that_is_none_of_the_charts_is_refused(tmp_path):
    (tmp_path / "job.json").write_text('{"namespace": "fp-jobs", "pod": {}}')

    with pytest.raises(ValueError, match=r"job\.json does not say what a pod is"):
        Workload.read(tmp_path / "job.json")


async def test_what_another_chart_has_started_is_outdated_until_it_is_started_again(server, runtimes):
    await runtimes.start("runtime-1", SPEC)
    image = {**POD, "spec": {"containers": [{"name": "serving", "image": "the next"}]}}
    upgraded = KubernetesRuntimes(server.cluster("fp-runtimes"), Workload("fp-runtimes", image))
    before = await upgraded.outdated()

    await upgraded.start("runtime-1", SPEC)

    assert (await runtimes.outdated(), before, await upgraded.outdated()) == ({"runtime-1"}, {"runtime-1"}, frozenset())
    assert server.objects[DEPLOYMENT]["spec"]["template"]["spec"]["containers"][0]["image"] == "the next"
